"""The decoding processes that are at hand (see ``process``)."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from functools import cache
from typing import Any

from imaging.decoding_processes import kernel, wire
from imaging.decoding_processes.ends import Ended, Unread
from imaging.file_bytes import LARGE
from values.evidence import Content

logger = logging.getLogger("ray.serve")

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


class Processes:
    """The decoding processes: those that wait for work, and ``forking``, which makes more of them.

    This process closes its memory and its environment to all others of its user, for its secrets.
    """

    def __init__(self, program: str = "imaging.decoding_processes.process") -> None:
        self._program = program
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._is_said = False
        self._control: socket.socket | None = None
        self.forking: subprocess.Popen[bytes] | None = None

    def ask(
        self, job: dict[str, Any], data: Content, max_bytes: int, *, fresh: bool = False
    ) -> tuple[dict[str, Any], bytearray]:
        """What a process answers to one job, a new process if ``fresh``. Raises like ``Process.ask``."""
        process = self._take(fresh=fresh)
        try:
            head, content = process.ask(job, data, max_bytes)
        except BaseException:
            process.close()
            raise
        self._say(process.lacks)
        if head.pop("stays", False) and process.is_fresh_enough():
            self._idle.append(process)
        else:
            process.close()
        return head, content

    def close(self) -> None:
        """End all processes, at work or not."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._end_forking()

    def _take(self, *, fresh: bool) -> Process:
        with self._lock:
            while self._idle and not fresh:
                process = self._idle.pop()
                if process.is_fresh_enough() and process.lives():
                    return process
                process.close()
            try:
                return self._fork()
            except OSError as error:
                raise Unread(error.errno) from None

    def _say(self, lacks: list[str]) -> None:
        if lacks and not self._is_said:
            self._is_said = True
            logger.warning(
                "images are decoded with less protection than there could be, because this system has no %s; "
                "docs/images.md says what each part is for",
                ", no ".join(lacks),
            )

    def _fork(self) -> Process:
        with ExitStack() as stack:
            peer, theirs = _pair(stack)
            fate, told = _pair(stack)
            descriptors = [theirs.fileno(), told.fileno()]
            try:
                self._send(descriptors)
            except OSError:  # the forking process was ended, by the system when memory ran out perhaps
                self._end_forking()
                self._send(descriptors)
            stack.pop_all()
            theirs.close()
            told.close()
            return Process(peer, fate)

    def _end_forking(self) -> None:
        if self._control is not None and self.forking is not None:
            self._control.close()
            self.forking.wait()
            self._control = None

    def _send(self, descriptors: list[int]) -> None:
        if self._control is None:
            self._control = self._start()
        socket.send_fds(self._control, [b"."], descriptors)

    def _start(self) -> socket.socket:
        with contextlib.suppress(OSError):  # said with what else the system lacks
            kernel.hide()
        with ExitStack() as stack:
            ours, theirs = _pair(stack)
            self.forking = subprocess.Popen(
                [sys.executable, "-m", self._program, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # image libraries warn about every odd file there
                env=_environment(),
            )
            stack.pop_all()
            theirs.close()
            return ours


def _pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """Two connected sockets, which ``stack`` closes."""
    ours, theirs = socket.socketpair()
    return stack.enter_context(ours), stack.enter_context(theirs)


@cache
def processes(program: str = "imaging.decoding_processes.process") -> Processes:
    """Those of this process. One for all readers: they keep no setting, and no image when they wait."""
    made = Processes(program)
    atexit.register(made.close)
    return made


def _environment() -> dict[str, str]:
    """No secret of ours is there for who breaks into a decoder; NumPy starts no threads before the forks.

    Glibc keeps freed memory of ordinary images instead of asking the kernel for it again each time, which
    would take a quarter of the time of an image for SAM 2.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(filter(None, sys.path))
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**27), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
    return {**kept, **memory, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
