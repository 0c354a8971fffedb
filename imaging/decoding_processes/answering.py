"""What one decoding process does, in its box: one job after another, each within its limits."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imaging.decoding import Turn
from imaging.decoding_processes import wire
from imaging.file_bytes import LARGE
from values.errors import ServiceError

IDLE_S = 60
MAX_MESSAGE = 2**32
_LARGE_KIB = 200 * 1024
_BYTES_PER_PIXEL = 16  # decoded as RGBA, a converted copy, and room for a float plane
_COPIES = 4  # of the file
_PROCESS_BYTES = 2**30  # of addresses, of which little is used


@dataclass(frozen=True, slots=True)
class Limits:
    """Within what one job is done; the job's head has them next to what is its work's own."""

    max_image_megapixels: float
    timeout_s: float


Work = Callable[[dict[str, Any], bytearray, Limits, Turn], tuple[dict[str, Any], memoryview]]
"""What a process does with the rest of a head and with its content: a head and a content to answer with.

It may raise a ServiceError, which is answered as its code and its sentence. With ``stays`` in the head it
tells whether the process is for another job; else the memory that it has taken decides.
"""


class Answering:
    """What one process does: images come over ``peer``, and pixels or sentences go back."""

    def __init__(self, peer: socket.socket, work: Work, turns: Turn) -> None:
        peer.settimeout(IDLE_S)
        self._peer = peer
        self._work = work
        self._turns = turns
        self.lacks: list[str] = []  # of the box, what the system has not
        self._memory = 0

    def one(self) -> bool:
        """Decode one image; whether the process is still small enough for another.

        Raises EOFError, before it says that it has read one, when there is none or it needs more memory than
        this process may take.
        """
        head, data = wire.receive(self._peer, MAX_MESSAGE)
        limits = Limits(head.pop("max_image_megapixels"), head.pop("timeout_s"))
        self._limit(limits, len(data))
        wire.send(self._peer, {"read": True, "lacks": self.lacks})
        about: dict[str, Any]
        try:
            about, content = self._work(head, data, limits, self._turns)
        except ServiceError as error:
            about, content = {"error": error.code, "detail": error.detail}, memoryview(b"")
        signal.setitimer(signal.ITIMER_REAL, 0)
        about.setdefault("stays", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < _LARGE_KIB)
        wire.send(self._peer, about, content)
        return bool(about["stays"])

    def _limit(self, job: Limits, length: int) -> None:
        """What this process may take; the kernel sees to it, and does not let it be raised again."""
        # In steps: a process that has had another file may have any that is not large.
        file = -(-length // LARGE) * LARGE
        memory = int(job.max_image_megapixels * 1e6) * _BYTES_PER_PIXEL + _COPIES * file + _PROCESS_BYTES
        if self._memory and memory > self._memory:
            raise EOFError("a new process may have as much")
        self._memory = memory
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, job.timeout_s)
        limits = ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0))
        for what, limit in limits:
            with contextlib.suppress(
                ValueError, OSError
            ):  # a lower limit is in force, or the system has none
                resource.setrlimit(what, (limit, limit))
