"""The decoding processes that are at hand (see ``process``)."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from functools import cache
from typing import Any

from imaging.decoding_processes import kernel
from imaging.decoding_processes.client import Process, Unread
from values.evidence import Content

logger = logging.getLogger("ray.serve")


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
                # -P: no module comes from the folder in which a command is typed.
                [sys.executable, "-P", "-m", self._program, str(theirs.fileno())],
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
