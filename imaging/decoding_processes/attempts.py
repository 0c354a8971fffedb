"""A job for a decoding process: asked once, and once more of a fresh one where the first try was not fair."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from imaging.decoding_processes.client import Ended, Unread
from imaging.decoding_processes.pool import Processes
from imaging.file_bytes import LARGE
from values.errors import ServiceError
from values.evidence import Content

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is to do.

    ``about``: the head of the message, without ``timeout_s``. ``data``: the content. ``max_bytes``: of the
    answer.
    """

    about: dict[str, Any]
    data: Content
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """The message about a job that no process has done.

    ``late``: it took too long. ``broken``: it breaks what does it, or the answer is none. ``killed``: the
    system ended the process.
    """

    late: Callable[[], ServiceError]
    broken: Callable[[], ServiceError]
    killed: Callable[[], ServiceError]


def attempt(
    pool: Processes,
    job: Job,
    timeout_s: float,
    read: Callable[[dict[str, Any], bytearray], T],
    refusals: Refusals,
) -> T:
    """What ``read`` makes of the answer to the job, within ``timeout_s`` seconds for all tries.

    ``read`` is given the head and the content. Where it raises ValueError, KeyError or TypeError, the answer
    is none; what else it raises is raised here.

    Raises Overloaded when no process reads the job, or what ``refusals`` say.
    """
    until = time.monotonic() + timeout_s
    # Large data are there for one try only (see Process.ask), which nothing before shall spoil.
    large = len(job.data) > LARGE

    def once(*, fresh: bool) -> T:
        about = {**job.about, "timeout_s": max(until - time.monotonic(), 0.001)}
        head, content = pool.ask(about, job.data, job.max_bytes, fresh=fresh)
        try:
            return read(head, content)
        except (ValueError, KeyError, TypeError):
            raise refusals.broken() from None

    try:
        try:
            return once(fresh=large)
        except (Unread, Ended) as failure:
            if failure.is_final or (large and not job.data) or time.monotonic() >= until:
                raise
        # It was the machine's doing, or may have been that of what the process did before.
        return once(fresh=True)
    except Unread as failure:
        raise failure.said() from None
    except Ended as failure:
        # The kernel ended it, maybe before the caller gave up.
        late = failure.signal == signal.SIGALRM or time.monotonic() >= until
        raise _refusal(failure, refusals, late=late) from None


def _refusal(failure: Ended, refusals: Refusals, *, late: bool) -> ServiceError:
    if late:
        return refusals.late()
    return refusals.broken() if failure.is_crash else refusals.killed()
