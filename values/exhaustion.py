"""What the machine has run out of when the system refuses something: no fault of a picture or of a host."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from values.errors import Overloaded

_MEMORY = ("memory", "give the machine or the container more of it, or run fewer replicas there")
_DISK = ("space in its temporary folder", "make room there, or let TMPDIR name another folder")
_WANTS = {
    errno.EMFILE: ("open files", "raise the limit of the process that reads images (ulimit -n)"),
    errno.ENFILE: ("open files", "raise the limit of that machine (fs.file-max)"),
    errno.ENOMEM: _MEMORY,
    errno.ENOBUFS: _MEMORY,
    errno.EAGAIN: ("processes", "raise their limit (ulimit -u, or the container's)"),
    errno.ENOSPC: _DISK,
    errno.EDQUOT: _DISK,
}
# Of a socket or a file this number says nothing about processes.
_ANYWHERE = frozenset(_WANTS) - {errno.EAGAIN}


def is_want(number: int) -> bool:
    """Whether the error ``number`` of the system means that the machine lacks something."""
    return number in _ANYWHERE


def out_of(number: int, work: str) -> Overloaded:
    """What is said when the system gives the error ``number`` to ``work``, for example "decoding one"."""
    if number not in _WANTS:
        return Overloaded(
            f"the machine that reads images failed at {work} ({os.strerror(number)}); try again in a while"
        )
    what, remedy = _WANTS[number]
    return Overloaded(f"the machine that reads images has no {what} left for {work}; {remedy}")


def exhausted(error: BaseException, work: str) -> Overloaded | None:
    """What is said of ``error`` if the machine's want of something is behind it, else None."""
    for cause in _causes(error):
        if isinstance(cause, MemoryError):
            return out_of(errno.ENOMEM, work)
        if isinstance(cause, OSError) and cause.errno is not None and is_want(cause.errno):
            return out_of(cause.errno, work)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and all that it came from."""
    pending, seen = [error], set[int]()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [behind for behind in (cause.__cause__, cause.__context__) if behind is not None]
        if isinstance(cause, BaseExceptionGroup):
            pending += cause.exceptions
