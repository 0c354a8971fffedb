"""A PNG of a thing to look at: the answer to the first click on the left, to all clicks on the right.

The truth is outlined in green, the answer in magenta; positive clicks are white dots, negative ones black.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.classical.clicking import Click, Mask

_SIDE = 700  # pixels of each half
_MARGIN = 0.3  # of the long side of what is shown
_GREEN, _MAGENTA, _WHITE, _BLACK = (0, 200, 0), (255, 0, 255), (255, 255, 255), (0, 0, 0)

_Bgr = NDArray[np.uint8]


def draw(
    file: Path, rgb: NDArray[np.uint8], truth: Mask, clicks: Sequence[Click], masks: Sequence[Mask]
) -> None:
    """Write one. ``masks``: the answers after 1, 2, ... clicks. Raises OSError where it cannot."""
    rows, columns = _window(np.logical_or.reduce([truth, masks[0], masks[-1]]))
    part = cv2.cvtColor(rgb[rows, columns], cv2.COLOR_RGB2BGR)
    zoom = _SIDE / max(part.shape[:2])
    halves = []
    for count in (1, len(masks)):
        half = np.asarray(cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), np.uint8)
        for mask, color in ((truth, _GREEN), (masks[count - 1], _MAGENTA)):
            _outline(half, mask[rows, columns], color)
        for click in clicks[:count]:
            at = round((click.x + 0.5 - columns.start) * zoom), round((click.y + 0.5 - rows.start) * zoom)
            cv2.circle(half, at, 6, _MAGENTA, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(half, at, 4, _WHITE if click.label else _BLACK, cv2.FILLED, cv2.LINE_AA)
        halves.append(half)
    done, png = cv2.imencode(".png", np.hstack(halves))
    if not done:
        raise OSError(f"OpenCV cannot make a PNG of {file.name}")
    file.write_bytes(png.tobytes())


def _outline(picture: _Bgr, mask: Mask, color: tuple[int, int, int]) -> None:
    size = picture.shape[1], picture.shape[0]
    large = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, lines, -1, color, 2, cv2.LINE_AA)


def _window(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns around a mask, with a margin, inside the picture."""
    spans = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    margin = round(_MARGIN * max(int(np.ptp(span)) + 1 for span in spans)) + 4
    rows, columns = (
        slice(max(0, int(span[0]) - margin), min(length, int(span[-1]) + margin + 1))
        for span, length in zip(spans, mask.shape, strict=True)
    )
    return rows, columns
