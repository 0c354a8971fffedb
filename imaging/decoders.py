"""Decoding images away from everything else, in processes that can be ended (see ``decoding_process``)."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from functools import cache, partial
from typing import Any

import numpy as np

from imaging import framing
from imaging.net import Content
from imaging.options import ImageOptions
from imaging.worker import Worker
from values.errors import ImageCorrupt, ImageError, error_classes
from values.image import ModelSize, Pixels

DECODES_AT_ONCE = 4
"""Images in memory, decoded, at any one time; what waits holds compressed bytes only."""

_DTYPES = {"uint8": np.uint8, "float32": np.float32}
_ERRORS = {kind.code: kind for kind in error_classes(ImageError)}


class Decoders:
    """Decodes images within the limits of its options; used from one event loop."""

    def __init__(self, options: ImageOptions) -> None:
        self._options = options
        self._worker = Worker(DECODES_AT_ONCE, options.decode_timeout_s, "decoding it")

    async def decode(self, data: Content, size: ModelSize) -> Pixels:
        """The pixels of an image file at model size.

        Raises what :func:`imaging.decoding.decode` raises, ImageTimeout, or Overloaded when too many wait.
        """
        return await self._worker.run(partial(self._decode, data, size))

    def _decode(self, data: Content, size: ModelSize) -> Pixels:
        job = {
            "size": asdict(size),
            "max_image_megapixels": self._options.max_image_megapixels,
            "timeout_s": self._options.decode_timeout_s,
        }
        until = time.monotonic() + self._options.decode_timeout_s
        try:
            return _pixels(*processes().ask(job, data, _most_bytes(size)))
        except (EOFError, OSError, ValueError, KeyError, TypeError):
            if time.monotonic() >= until:  # the kernel ended it, maybe before the caller gave up
                raise self._worker.late() from None
            raise ImageCorrupt("the file breaks its decoder; export or upload it again") from None


class Processes:
    """The decoding processes: those that wait for work, and ``forking``, which makes more of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._control: socket.socket | None = None
        self.forking: subprocess.Popen[bytes] | None = None

    def ask(self, job: dict[str, Any], data: Content, max_bytes: int) -> tuple[dict[str, Any], bytearray]:
        """What a process answers to one job. Raises EOFError or OSError when it ended over it."""
        peer = self._take()
        try:
            framing.send(peer, job, data)
            head, content = framing.receive(peer, max_bytes)
        except BaseException:
            peer.close()
            raise
        if head.pop("stays", False):
            self._idle.append(peer)
        else:
            peer.close()
        return head, content

    def close(self) -> None:
        """End all processes; those at work, after their image."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()
            self._end_forking()

    def _take(self) -> socket.socket:
        with self._lock:
            while self._idle:
                peer = self._idle.pop()
                if _lives(peer):
                    return peer
                peer.close()
            return self._fork()

    def _fork(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._send(theirs)
            except OSError:  # the forking process was ended, by the system when memory ran out perhaps
                self._end_forking()
                self._send(theirs)
        return ours

    def _end_forking(self) -> None:
        if self._control is not None and self.forking is not None:
            self._control.close()
            self.forking.wait()
            self._control = None

    def _send(self, theirs: socket.socket) -> None:
        if self._control is None:
            self._control = self._start()
        socket.send_fds(self._control, [b"."], [theirs.fileno()])

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self.forking = subprocess.Popen(
                [sys.executable, "-m", "imaging.decoding_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # image libraries warn about every odd file there
                env=_environment(),
            )
        return ours


@cache
def processes() -> Processes:
    """Those of this process. One for all readers: they keep no setting, and no image when they wait."""
    made = Processes()
    atexit.register(made.close)
    return made


def _lives(peer: socket.socket) -> bool:
    """Whether a process that waits for work is still there: one that ended has closed its connection."""
    try:
        return bool(peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _environment() -> dict[str, str]:
    """No secret of ours is there for who breaks into a decoder; NumPy starts no threads before the forks.

    Glibc keeps freed memory of ordinary images instead of asking the kernel for it again each time, which
    would take a quarter of the time of an image for SAM 2.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(filter(None, sys.path))
    memory = {"MALLOC_TRIM_THRESHOLD_": str(2**27), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
    return {**kept, **memory, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def _most_bytes(size: ModelSize) -> int:
    return size.side * size.side * 3 * 4 + 2**16


def _pixels(head: dict[str, Any], content: bytearray) -> Pixels:
    if "error" in head:
        raise _ERRORS[head["error"]](head["detail"])
    rgb = np.frombuffer(content, _DTYPES[head["dtype"]]).reshape(head["shape"])
    return Pixels(rgb, int(head["width"]), int(head["height"]))
