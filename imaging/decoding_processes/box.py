"""The box in which a process decodes images: what a hostile file may make of it reaches nothing.

Each part is the kernel's, holds for good and on its own, so that one that a system lacks leaves the
others: another user where this one is root, memory that no other process reads, limits, Landlock for files
and signals, and a list of the only system calls that there are (``seccomp``).
"""

from __future__ import annotations

import contextlib
import os
import resource
import struct
from collections.abc import Callable, Iterable

from imaging.decoding_processes import kernel, seccomp

NOBODY = 65534
"""The user and the group that own nothing, by Linux's convention."""

_MOST_DESCRIPTORS = 2**20

# Landlock: the rights that each version added to those of the one before it.
_FILE_RIGHTS = ((1, 13), (2, 14), (3, 15), (5, 16))  # version: how many rights there are, the lowest bits
_TCP = 0b11  # bind and connect, since version 4
_SCOPED = 0b11  # abstract Unix sockets and signals, since version 6


def prepare() -> None:
    """Have ready what each fork would make anew, in the process that forks; it is hidden as well."""
    with contextlib.suppress(OSError):
        kernel.hide()
    with contextlib.suppress(KeyError):
        seccomp.program(kernel.processor())


def close(kept: Iterable[int]) -> list[str]:
    """Shut this process in; of its descriptors the ``kept`` ones stay. What the system lacks of the box.

    Called once, in a process with one thread that has loaded all that it needs. It ends with its parent.
    """
    _close_others(kept)
    lacks = []
    for part, does in _PARTS.items():
        try:
            does()
        except (OSError, ValueError, KeyError) as error:
            lacks.append(f"{part} ({getattr(error, 'strerror', None) or error})")
    return lacks


def _close_others(kept: Iterable[int]) -> None:
    start = 0
    for each in sorted(kept):
        if start < each:  # an empty range from nought would be all
            os.closerange(start, each)
        start = each + 1
    os.closerange(start, _MOST_DESCRIPTORS)


def _leave_root() -> None:
    if os.geteuid() != 0 and os.getuid() != 0:
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)  # and all capabilities go with it


def _limit() -> None:
    for what in ("RLIMIT_NPROC", "RLIMIT_CORE", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE"):
        number = getattr(resource, what, None)
        if number is not None:
            resource.setrlimit(number, (0, 0))


def _landlock() -> None:
    version = kernel.landlock_version()
    rights = max(count for since, count in _FILE_RIGHTS if since <= version)
    attributes = [2**rights - 1]
    if version >= 4:
        attributes.append(_TCP)
    if version >= 6:
        attributes.append(_SCOPED)
    kernel.landlock(struct.pack(f"={len(attributes)}Q", *attributes))


def _filter_calls() -> None:
    kernel.filter_calls(seccomp.program(kernel.processor()))


# In this order: another user is had before privileges are given up, its memory is hidden after that, and the
# last one leaves no call with which the others could be made.
_PARTS: dict[str, Callable[[], None]] = {
    "another user than root": _leave_root,
    "hidden memory": kernel.hide,
    "an end with its parent": kernel.end_with_parent,
    "limits": _limit,
    "no new privileges": kernel.no_new_privileges,
    "Landlock": _landlock,
    "seccomp": _filter_calls,
}
