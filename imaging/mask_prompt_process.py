"""The process in which drawn masks are decoded: ``python -m imaging.mask_prompt_process <descriptor>``.

It forks processes as that of images does (see ``imaging.decoding_processes.process``), boxes and limits
included: a PNG of kilobytes may have hundreds of megabytes, and an RLE a second of work.
"""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np

from imaging.decoding import Turn
from imaging.decoding_processes.answering import Limits
from imaging.decoding_processes.process import main
from protocol.drawings import Drawing
from protocol.mask_prompts import read
from values.errors import BadPrompt

LARGE_PIXELS = 16_000_000
"""Of a mask behind which its process ends: it would keep a hundred megabytes for the next one."""

BEHIND = 4
"""By how much these processes are niced: a mask that was drawn for a minute may come after others' clicks."""


def mask(
    asked: dict[str, Any], data: bytearray, limits: Limits, turns: Turn
) -> tuple[dict[str, Any], memoryview]:
    """A drawing becomes its box and its mask at prompt size."""
    drawing = Drawing(asked["kind"], bytes(data), asked["width"], asked["height"])
    with turns(drawing.pixels):
        found = read(drawing)
    if found.mask is None:
        raise BadPrompt("nothing was drawn")
    content = np.ascontiguousarray(found.mask, np.float32)
    about: dict[str, Any] = {"box": found.box.tolist(), "shape": content.shape}
    if drawing.pixels > LARGE_PIXELS:
        about["stays"] = False  # with what it has taken, for nobody
    return about, content.data.cast("B")


if __name__ == "__main__":
    os.nice(BEHIND)
    cv2.setNumThreads(1)  # in its box a process starts no threads
    main(mask)
