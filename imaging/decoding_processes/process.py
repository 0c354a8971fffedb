"""The process in which images are decoded: ``python -m imaging.decoding_processes.process <descriptor>``.

It forks the processes that decode, each in a box (see ``box``) and for one image after another. A file that
takes too long is ended by the kernel's timer, one that needs too much memory gets none, one that crashes its
decoder takes nothing else with it, and a process that has become large ends. Forking is safe and quick
because this process is small and has a single thread, which the fetcher's has not.

Over its control connection come two others for each process: one for images, and one that says how the
process ended, or why there is none (``framing.FATE``). A process says that it has read an image before it
decodes it: what ends earlier is no fault of the image. A byte back says that the image takes long. Whoever
closes these two ends the process with it, whatever it does: one that a file has taken over heeds no timer.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import resource
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    ImageCms,
    ImageColor,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from imaging.decoding import Turn, decode
from imaging.decoding_processes import box, wire
from imaging.decoding_processes.slow_processes import SlowProcesses
from imaging.file_bytes import LARGE
from values.errors import ServiceError
from values.image import ModelSize

# Loaded before forking: no image waits for it, and a process in its box opens no file to load it from. Pillow
# itself loads what is for MPO for some JPEGs, for PPM always, for colours and palettes where it needs them.
LOADED = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    IcoImagePlugin,
    ImageCms,
    ImageColor,
    ImagePalette,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # one image has one processor, whatever its format

IDLE_S = 60
LARGE_PIXELS = 25_000_000
MAX_MESSAGE = 2**32
_LARGE_KIB = 200 * 1024
_BYTES_PER_PIXEL = 16  # decoded as RGBA, a converted copy, and room for a float plane
_COPIES = 4  # of the file
_PROCESS_BYTES = 2**30  # of addresses, of which little is used


@dataclass(frozen=True, slots=True)
class Limits:
    """Within what one job is done; the job's head has them beside what is its work's own."""

    max_image_megapixels: float
    timeout_s: float


Work = Callable[[dict[str, Any], bytearray, Limits, Turn], tuple[dict[str, Any], memoryview]]
"""What a process does with the rest of a head and with its content: a head and a content to answer with.

It may raise a ServiceError, which is answered as its code and its sentence. With ``stays`` in the head it
tells whether the process is for another job; else the memory that it has taken decides.
"""


def picture(
    about: dict[str, Any], data: bytearray, limits: Limits, turns: Turn
) -> tuple[dict[str, Any], memoryview]:
    """An image file becomes pixels at the model size that ``about`` tells."""
    pixels = decode(data, ModelSize(**about["size"]), limits, turns)
    return {"width": pixels.width, "height": pixels.height}, np.ascontiguousarray(pixels.rgb).data.cast("B")


@contextlib.contextmanager
def turn(file: IO[bytes], pixels: int) -> Iterator[None]:
    """Decode large images one after another, so that memory is needed for one of them only."""
    if pixels <= LARGE_PIXELS:
        yield
        return
    fcntl.lockf(file, fcntl.LOCK_EX)  # which the end of the process undoes as well
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)


class Forks:
    """The processes that decode, and whom to tell when they end."""

    def __init__(self, control: socket.socket, work: Work = picture) -> None:
        self._control = control
        self._work = work
        self._told: dict[int, socket.socket] = {}
        self._slow = SlowProcesses()
        self._turns: IO[bytes] | None = None

    def fork(self, peer: socket.socket, told: socket.socket) -> None:
        """One more process, for the images that come over ``peer``; ``told`` learns how it ends."""
        try:
            with _no_child_signals():
                if self._turns is None:
                    self._turns = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this process is
                child = os.fork()
                if child == 0:
                    self._become_one(peer, self._turns)
                self._told[child] = told
        except OSError as error:
            _tell(told, started=False, number=error.errno or 0)

    def reap(self, *_: object) -> None:
        """Tell of all that have ended. Called for a signal, and so maybe in the middle of itself."""
        while self._told:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # the last ones are being told of by whom this call interrupts
                return
            if child == 0:
                return
            self._slow.remove(child)
            _tell(self._told.pop(child), started=True, number=os.WTERMSIG(status))

    def wait(self) -> bool:
        """End the processes that nobody waits for any more, and let the slow ones take turns, until something
        comes over the control connection.

        Whether it is to be read now; else to be called again.
        """
        with _no_child_signals():
            self._slow.rotate()
            left_s = self._slow.left_s()
            told = {each.fileno(): child for child, each in self._told.items() if each.fileno() >= 0}
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        for descriptor in told:
            poll.register(descriptor, select.POLLIN)
        is_asked = False
        for descriptor, happened in poll.poll(None if left_s is None else math.ceil(left_s * 1000)):
            if descriptor == self._control.fileno():
                is_asked = True
            elif happened == select.POLLIN:
                self._put_behind(told[descriptor])
            else:  # closed by the other side
                self._end(told[descriptor])
        return is_asked

    def _put_behind(self, child: int) -> None:
        with _no_child_signals():
            told = self._told.get(child)
            if told is not None:
                told.recv(1)
                self._slow.add(child)

    def _end(self, child: int) -> None:
        with _no_child_signals():
            told = self._told.get(child)
            if told is not None:  # else it has ended by itself, and its number may be another's
                told.close()
                os.kill(child, signal.SIGKILL)

    def _become_one(self, peer: socket.socket, lock: IO[bytes]) -> None:
        ended = 1
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            answering = Answering(peer, self._work, partial(turn, lock))
            answering.lacks = box.close([0, 1, 2, peer.fileno(), lock.fileno()])
            while answering.one():
                pass
            ended = 0
        finally:
            os._exit(ended)  # nothing of the parent's is to be cleaned up here


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
        """What this process may take; the kernel sees to it, and lets nobody raise a limit again."""
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


def serve(control: socket.socket, work: Work = picture) -> None:
    """Fork a process for each two connections that come over ``control``, until the other side closes it."""
    box.prepare()
    forks = Forks(control, work)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the fetcher, and that ends this one
    signal.signal(signal.SIGCHLD, forks.reap)
    while True:
        while not forks.wait():
            pass
        said, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if not said:
            return
        connections = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        if len(connections) == 2:
            forks.fork(*connections)
            connections.pop()  # which stays open until the process ends
        for connection in connections:
            connection.close()


@contextlib.contextmanager
def _no_child_signals() -> Iterator[None]:
    """So that no process ends before it is known."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _tell(told: socket.socket, *, started: bool, number: int) -> None:
    with told, contextlib.suppress(OSError):  # nobody may be there any more
        told.send(wire.FATE.pack(started, number))


def main(work: Work = picture) -> None:
    """A program of such processes, whose argument is the file descriptor of its control connection."""
    serve(socket.socket(fileno=int(sys.argv[1])), work)


if __name__ == "__main__":
    main()
