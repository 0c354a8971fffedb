"""The process in which images are decoded: ``python -m imaging.decoding_processes.process <descriptor>``.

It forks the processes that decode, each in a box (see ``box``) and for one image after another. A file that
takes too long is ended by the kernel's timer, one that needs too much memory gets none, one that crashes its
decoder takes nothing else with it, and a process that has become large ends. Forking is safe and quick
because this process is small and has a single thread, which the fetcher's has not.

Over its control connection come two others for each process: one for images, and one that says how the
process ended, or why there is none (``wire.FATE``). A process says that it has read an image before it
decodes it: what ends earlier is no fault of the image. A byte back says that the image takes long. Whoever
closes these two ends the process with it, whatever it does: one that a file has taken over ignores its timer.
"""

from __future__ import annotations

import signal
import socket
import sys
from typing import Any

import numpy as np

# Loaded before forking: no image waits for it, and a process in its box opens no file to load it from. Pillow
# itself loads what is for MPO for some JPEGs, for PPM always, for colours and palettes where it needs them.
from PIL import (  # noqa: F401
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
from imaging.decoding_processes import box
from imaging.decoding_processes.answering import Limits, Work
from imaging.decoding_processes.forks import Forks
from values.image import ModelSize

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # one image has one processor, whatever its format


def picture(
    about: dict[str, Any], data: bytearray, limits: Limits, turns: Turn
) -> tuple[dict[str, Any], memoryview]:
    """An image file becomes pixels at the model size that ``about`` tells."""
    pixels = decode(data, ModelSize(**about["size"]), limits, turns)
    return {"width": pixels.width, "height": pixels.height}, np.ascontiguousarray(pixels.rgb).data.cast("B")


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


def main(work: Work = picture) -> None:
    """A program of such processes, whose argument is the file descriptor of its control connection."""
    serve(socket.socket(fileno=int(sys.argv[1])), work)


if __name__ == "__main__":
    main()
