"""The process in which images are decoded: ``python -m imaging.decoding_process <file descriptor>``.

It forks the processes that decode, each for one image after another. A file that takes too long is ended by
the kernel's timer, one that needs too much memory gets none, one that crashes its decoder takes nothing else
with it, and a process that has become large ends. Forking is safe and quick because this process is small and
has a single thread, which the fetcher's has not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from imaging import framing
from imaging.decoding import decode
from values.errors import ImageError
from values.image import ModelSize

# Loaded before forking, so that no image has to wait for it.
LOADED = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)

IDLE_S = 60
LARGE_PIXELS = 25_000_000
MAX_MESSAGE = 2**32
_LARGE_KIB = 200 * 1024
_BYTES_PER_PIXEL = 16  # decoded as RGBA, a converted copy, and room for a float plane
_PROCESS_BYTES = 2**30  # of addresses, of which little is used


@dataclass(frozen=True, slots=True)
class Job:
    """What is decoded, and within which limits."""

    size: ModelSize
    max_image_megapixels: float
    timeout_s: float


_TURN = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is


@contextlib.contextmanager
def turn(pixels: int) -> Iterator[None]:
    """Decode large images one after another, so that memory is needed for one of them only."""
    if pixels <= LARGE_PIXELS:
        yield
        return
    fcntl.lockf(_TURN, fcntl.LOCK_EX)  # which the end of the process undoes as well
    try:
        yield
    finally:
        fcntl.lockf(_TURN, fcntl.LOCK_UN)


def serve(control: socket.socket) -> None:
    """Fork a process for each connection that comes over ``control``, until the other side closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the fetcher, and that ends this one
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that ended processes need no waiting for
    while True:
        said, connections, _, _ = socket.recv_fds(control, 1, 1)
        if not said:
            return
        with socket.socket(fileno=connections[0]) as peer:
            if os.fork() == 0:
                control.close()
                _answer_and_end(peer)


def _answer_and_end(peer: socket.socket) -> None:
    try:
        peer.settimeout(IDLE_S)
        while _answer(peer):
            pass
    finally:
        os._exit(0)  # nothing of the parent's is to be cleaned up here


def _answer(peer: socket.socket) -> bool:
    """Decode one image; whether the process is still small enough for another."""
    head, data = framing.receive(peer, MAX_MESSAGE)
    job = Job(**head | {"size": ModelSize(**head["size"])})
    _limit(job, len(data))
    try:
        pixels = decode(data, job.size, job, turn)
        about: dict[str, Any] = {"width": pixels.width, "height": pixels.height}
        about |= {"shape": pixels.rgb.shape, "dtype": pixels.rgb.dtype.name}
        content = np.ascontiguousarray(pixels.rgb).data.cast("B")
    except ImageError as error:
        about, content = {"error": error.code, "detail": error.detail}, memoryview(b"")
    signal.setitimer(signal.ITIMER_REAL, 0)
    stays = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < _LARGE_KIB
    framing.send(peer, about | {"stays": stays}, content)
    return stays


def _limit(job: Job, length: int) -> None:
    """What this one process may take; the kernel sees to it."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, job.timeout_s)
    memory = int(job.max_image_megapixels * 1e6) * _BYTES_PER_PIXEL + 4 * length + _PROCESS_BYTES
    for what, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):  # a lower limit is in force, or the system has none
            resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
