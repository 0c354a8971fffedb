"""One decoding process, as the process sees it that has files to decode: asked, and how it may end."""

from __future__ import annotations

import select
import signal
import socket
import time
from typing import Any

from imaging.decoding_processes import wire
from imaging.file_bytes import LARGE
from values.errors import Overloaded
from values.evidence import Content
from values.exhaustion import out_of

WORK = "decoding images"

# What a process is ended by when its own code went wrong. All else comes from outside.
_CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP}
)

IMAGES_EACH = 16
AGE_S = 60
"""How many images one process gets, and for how many seconds: whoever takes one over by a file sees no more
of those that come after it. A new process costs as much as a small image; a sixteenth of that is little."""

SLOW_S = 2.0
"""An image that has taken so long comes behind others from then on: those of some MB take a tenth of it, one
of 60 megapixels about as much, and one that was made to be slow would otherwise slow down all clicks."""

_FATE_S = 5  # within which an end is known; a process that was taken over may go on and say nothing
_LATE_S = 5  # after its time an image is given up, where the kernel's timer has not ended the process
_SHORT = 1024  # bytes of the message that an image was read


class Unread(Exception):
    """No process has read the image: the machine's doing. ``error`` is the system's number, or None."""

    is_final = False

    def __init__(self, error: int | None = None) -> None:
        super().__init__(error)
        self.error = error

    def said(self) -> Overloaded:
        """The sentence."""
        if self.error is not None:
            return out_of(self.error, WORK)
        return Overloaded(
            f"no process for {WORK} lives on the machine that reads them: the system ends them, most likely "
            "for want of memory; give it more, or run fewer replicas there"
        )


class Ended(Exception):
    """A process ended over an image that it had read.

    ``signal`` is what ended it, 0 if it went by itself, None if nobody knows. ``fresh``: this was its first.
    """

    def __init__(self, signal: int | None, *, fresh: bool) -> None:
        super().__init__(signal)
        self.signal = signal
        self.fresh = fresh

    @property
    def is_crash(self) -> bool:
        """Whether its own code went wrong, and nobody else's doing ended it."""
        return self.signal == 0 or self.signal in _CRASHES

    @property
    def is_final(self) -> bool:
        """Whether another try would end like this one: the image is slow, or crashes what decodes it."""
        return self.signal == signal.SIGALRM or (self.fresh and self.is_crash)


class Process:
    """A process that decodes: ``peer`` takes images, ``fate`` tells how it ended."""

    def __init__(self, peer: socket.socket, fate: socket.socket) -> None:
        self._peer = peer
        fate.settimeout(_FATE_S)
        self._fate = fate
        self._born = time.monotonic()
        self._images = 0
        self._is_behind = False
        self.lacks: list[str] = []
        """What the system has not of the box that the process is in, known with its first image."""

    def ask(self, job: dict[str, Any], data: Content, max_bytes: int) -> tuple[dict[str, Any], bytearray]:
        """What it answers to one job. Raises Unread or Ended.

        A large ``bytearray`` is empty afterwards: the process has it, and this one does not keep it as well.
        """
        fresh = self._images == 0
        self._images += 1
        until = time.monotonic() + job["timeout_s"] + _LATE_S
        try:
            self._peer.settimeout(job["timeout_s"] + _LATE_S)
            wire.send(self._peer, job, data)
            said, _ = wire.receive(self._peer, _SHORT, until)
        except (EOFError, OSError):
            known = self._ended()
            raise Unread(None if known is None or known[0] else known[1]) from None
        except ValueError:
            raise Unread from None
        if fresh:  # before any image
            self.lacks = said["lacks"]
        if isinstance(data, bytearray) and len(data) > LARGE:
            data.clear()
        try:
            self._wait()
            return wire.receive(self._peer, max_bytes, until)
        except (EOFError, OSError):
            known = self._ended()
            raise Ended(None if known is None else known[1], fresh=fresh) from None
        except ValueError:  # no answer that any image has
            raise Ended(0, fresh=fresh) from None

    def _wait(self) -> None:
        """Until the answer begins; once it is slow to, the process is put behind others, for good."""
        poll = select.poll()
        poll.register(self._peer, select.POLLIN)
        if not poll.poll(SLOW_S * 1000):
            self._is_behind = True
            self._fate.send(b".")

    def _ended(self) -> tuple[bool, int] | None:
        """What is told of its end, see ``FATE``; None where the forking process has ended as well."""
        try:
            told = self._fate.recv(wire.FATE.size)
        except TimeoutError:
            return None
        return wire.FATE.unpack(told) if len(told) == wire.FATE.size else None

    def lives(self) -> bool:
        """Whether it still waits for work: one that ended has closed its connection."""
        self._peer.setblocking(False)
        try:
            return bool(self._peer.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def is_fresh_enough(self) -> bool:
        """Whether it may have another image: few before, and none that was slow."""
        return not self._is_behind and self._images < IMAGES_EACH and time.monotonic() - self._born < AGE_S

    def close(self) -> None:
        """End it, at work or not."""
        self._peer.close()
        self._fate.close()
