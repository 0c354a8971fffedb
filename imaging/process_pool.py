"""The decoding processes that are at hand (see ``decoding_process``)."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from functools import cache
from typing import Any

from imaging import framing
from imaging.file_bytes import LARGE
from imaging.net import Content
from imaging.process_ends import Ended, Unread

_FATE_S = 5  # within which an end is known; a process that was taken over may go on and say nothing
_SHORT = 1024  # bytes of the message that an image was read


class Process:
    """A process that decodes: ``peer`` takes images, ``fate`` tells how it ended."""

    def __init__(self, peer: socket.socket, fate: socket.socket) -> None:
        self._peer = peer
        fate.settimeout(_FATE_S)
        self._fate = fate
        self._fresh = True

    def ask(self, job: dict[str, Any], data: Content, max_bytes: int) -> tuple[dict[str, Any], bytearray]:
        """What it answers to one job. Raises Unread or Ended.

        A large ``bytearray`` is empty afterwards: the process has it, and this one does not keep it as well.
        """
        fresh, self._fresh = self._fresh, False
        try:
            framing.send(self._peer, job, data)
            framing.receive(self._peer, _SHORT)
        except (EOFError, OSError):
            known = self._ended()
            raise Unread(None if known is None or known[0] else known[1]) from None
        except ValueError:
            raise Unread from None
        if isinstance(data, bytearray) and len(data) > LARGE:
            data.clear()
        try:
            return framing.receive(self._peer, max_bytes)
        except (EOFError, OSError):
            known = self._ended()
            raise Ended(None if known is None else known[1], fresh=fresh) from None
        except ValueError:  # no answer that any image has
            raise Ended(0, fresh=fresh) from None

    def _ended(self) -> tuple[bool, int] | None:
        """What is told of its end, see ``FATE``; None where the forking process has ended as well."""
        try:
            told = self._fate.recv(framing.FATE.size)
        except TimeoutError:
            return None
        return framing.FATE.unpack(told) if len(told) == framing.FATE.size else None

    def lives(self) -> bool:
        """Whether it still waits for work: one that ended has closed its connection."""
        try:
            return bool(self._peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Let it end; when it is at work, after its image."""
        self._peer.close()
        self._fate.close()


class Processes:
    """The decoding processes: those that wait for work, and ``forking``, which makes more of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._control: socket.socket | None = None
        self.forking: subprocess.Popen[bytes] | None = None

    def ask(
        self, job: dict[str, Any], data: Content, max_bytes: int, *, fresh: bool = False
    ) -> tuple[dict[str, Any], bytearray]:
        """What a process answers to one job, a new process if ``fresh``. Raises like :meth:`Process.ask`."""
        process = self._take(fresh=fresh)
        try:
            head, content = process.ask(job, data, max_bytes)
        except BaseException:
            process.close()
            raise
        if head.pop("stays", False):
            self._idle.append(process)
        else:
            process.close()
        return head, content

    def close(self) -> None:
        """End all processes; those at work, after their image."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._end_forking()

    def _take(self, *, fresh: bool) -> Process:
        with self._lock:
            while self._idle and not fresh:
                process = self._idle.pop()
                if process.lives():
                    return process
                process.close()
            try:
                return self._fork()
            except OSError as error:
                raise Unread(error.errno) from None

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
        with ExitStack() as stack:
            ours, theirs = _pair(stack)
            self.forking = subprocess.Popen(
                [sys.executable, "-m", "imaging.decoding_process", str(theirs.fileno())],
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
def processes() -> Processes:
    """Those of this process. One for all readers: they keep no setting, and no image when they wait."""
    made = Processes()
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
