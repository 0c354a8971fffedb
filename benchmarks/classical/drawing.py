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
    where = around(np.logical_or.reduce([truth, masks[0], masks[-1]]))
    halves = [
        outlined(rgb, truth, masks[count - 1], clicks[:count], where, _SIDE) for count in (1, len(masks))
    ]
    write(file, np.hstack(halves))


def outlined(
    rgb: NDArray[np.uint8],
    truth: Mask,
    mask: Mask,
    clicks: Sequence[Click],
    where: tuple[slice, slice],
    side: int,
) -> NDArray[np.uint8]:
    """A part of a picture enlarged to ``side`` pixels, with the outlines and the clicks: HxWx3 BGR."""
    part = cv2.cvtColor(rgb[where], cv2.COLOR_RGB2BGR)
    zoom = side / max(part.shape[:2])
    drawn = np.asarray(cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), np.uint8)
    for each, color in ((truth, _GREEN), (mask, _MAGENTA)):
        _outline(drawn, each[where], color)
    rows, columns = where
    for click in clicks:
        at = round((click.x + 0.5 - columns.start) * zoom), round((click.y + 0.5 - rows.start) * zoom)
        cv2.circle(drawn, at, 6, _MAGENTA, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(drawn, at, 4, _WHITE if click.label else _BLACK, cv2.FILLED, cv2.LINE_AA)
    return drawn


def write(file: Path, bgr: NDArray[np.uint8]) -> None:
    """As what the file's name says, .png or .jpg. Raises OSError where it cannot."""
    done, content = cv2.imencode(file.suffix, bgr)
    if not done:
        raise OSError(f"OpenCV cannot make {file.name}")
    file.write_bytes(content.tobytes())


def _outline(picture: _Bgr, mask: Mask, color: tuple[int, int, int]) -> None:
    size = picture.shape[1], picture.shape[0]
    large = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, lines, -1, color, 2, cv2.LINE_AA)


def around(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns around a mask, with a margin, inside the picture."""
    spans = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    margin = round(_MARGIN * max(int(np.ptp(span)) + 1 for span in spans)) + 4
    rows, columns = (
        slice(max(0, int(span[0]) - margin), min(length, int(span[-1]) + margin + 1))
        for span, length in zip(spans, mask.shape, strict=True)
    )
    return rows, columns
