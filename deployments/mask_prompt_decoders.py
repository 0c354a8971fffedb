"""Drawn masks are decoded where that can be ended: see ``deployments.mask_prompt_process``."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from imaging.decoding_processes.ends import Ended, Unread
from imaging.decoding_processes.pool import Processes, processes
from protocol.drawings import LONG_SIDE, Drawing, Drawn
from values.errors import BadPrompt, Overloaded
from values.one_line import one_line
from values.pixel_limit import PixelLimit

TIMEOUT_S = 30.0
"""Seconds for one mask, as long as for an image. The largest take one, where nothing else is to be done."""

_ANSWER = LONG_SIDE * LONG_SIDE * 4 + 2**16
_LONGEST_DETAIL = 300


class DrawnMasks:
    """Reads drawings, as ``protocol.mask_prompts.read`` does, in other processes. Call it in a thread."""

    def __init__(self, pixels: PixelLimit, pool: Callable[[], Processes] | None = None) -> None:
        self._pixels = pixels
        self._pool = pool or (lambda: processes("deployments.mask_prompt_process"))

    def __call__(self, drawing: Drawing) -> Drawn:
        """What was drawn. Raises BadPrompt, or Overloaded when the machine lacks something."""
        until = time.monotonic() + TIMEOUT_S
        try:
            try:
                return self._once(drawing, until, fresh=False)
            except (Unread, Ended) as failure:
                if failure.is_final or time.monotonic() >= until:
                    raise
            # It was the machine's doing, or may have been that of a mask before.
            return self._once(drawing, until, fresh=True)
        except Unread as failure:
            raise failure.said() from None
        except Ended as failure:
            raise _said(failure, late=time.monotonic() >= until) from None

    def _once(self, drawing: Drawing, until: float, *, fresh: bool) -> Drawn:
        job = {
            "kind": drawing.kind,
            "width": drawing.width,
            "height": drawing.height,
            "max_image_megapixels": self._pixels.max_image_megapixels,
            "timeout_s": max(until - time.monotonic(), 0.001),
        }
        head, content = self._pool().ask(job, drawing.data, _ANSWER, fresh=fresh)
        try:
            return _drawn(head, content)
        except (ValueError, KeyError, TypeError):
            raise _broken() from None


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


def _said(failure: Ended, *, late: bool) -> BadPrompt | Overloaded:
    if failure.signal == signal.SIGALRM or late:
        return BadPrompt(f"the drawn mask takes longer than {TIMEOUT_S:g} s to decode; draw a simpler one")
    if failure.is_crash:
        return _broken()
    return Overloaded(
        "the system ended the process that decoded a drawn mask, most likely for want of memory; give the "
        "machine or the container more of it, or lower MAX_IMAGE_MEGAPIXELS"
    )


def _broken() -> BadPrompt:
    return BadPrompt("the drawn mask breaks its decoder; draw it again")
