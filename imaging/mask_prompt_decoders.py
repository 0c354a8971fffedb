"""Drawn masks are decoded where that can be ended: see ``imaging.mask_prompt_process``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from imaging.decoding_processes.attempts import Job, Refusals, attempt
from imaging.decoding_processes.pool import Processes, processes
from protocol.drawings import LONG_SIDE, Drawing, Drawn
from values.errors import BadPrompt, Overloaded
from values.one_line import one_line
from values.options import PixelLimit

TIMEOUT_S = 30.0
"""Seconds for one mask, as long as for an image. The largest take one, where nothing else is to be done."""

_ANSWER = LONG_SIDE * LONG_SIDE * 4 + 2**16
_LONGEST_DETAIL = 300


class MaskPromptDecoders:
    """Reads drawings, as ``protocol.mask_prompts.read`` does, in other processes. Call it in a thread."""

    def __init__(self, pixels: PixelLimit, pool: Callable[[], Processes] | None = None) -> None:
        self._pixels = pixels
        self._pool = pool or (lambda: processes("imaging.mask_prompt_process"))

    def __call__(self, drawing: Drawing) -> Drawn:
        """What was drawn. Raises BadPrompt, or Overloaded when the machine lacks something."""
        about = {
            "kind": drawing.kind,
            "width": drawing.width,
            "height": drawing.height,
            "max_image_megapixels": self._pixels.max_image_megapixels,
        }
        return attempt(self._pool(), Job(about, drawing.data, _ANSWER), TIMEOUT_S, _drawn, _REFUSALS)


def _drawn(head: dict[str, Any], content: bytearray) -> Drawn:
    """What a process answered, which a mask may have taken over: nothing of it is believed.

    Raises ValueError, KeyError or TypeError for what no mask has.
    """
    if "error" in head:
        raise BadPrompt(one_line(head["detail"], _LONGEST_DETAIL))
    left, top, right, bottom = (float(edge) for edge in head["box"])
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError("no box inside a picture")
    rows, columns = head["shape"]
    mask = np.frombuffer(content, np.float32).reshape(rows, columns)
    if not mask.size > 0 or max(rows, columns) > LONG_SIDE or not math.isfinite(float(mask.sum())):
        raise ValueError("no mask")
    return Drawn(np.array([left, top, right, bottom]), np.clip(mask, 0, 1))


def _late() -> BadPrompt:
    return BadPrompt(f"the drawn mask takes longer than {TIMEOUT_S:g} s to decode; draw a simpler one")


def _broken() -> BadPrompt:
    return BadPrompt("the drawn mask breaks its decoder; draw it again")


def _killed() -> Overloaded:
    return Overloaded(
        "the system ended the process that decoded a drawn mask, most likely for want of memory; give the "
        "machine or the container more of it, or lower MAX_IMAGE_MEGAPIXELS"
    )


_REFUSALS = Refusals(_late, _broken, _killed)
