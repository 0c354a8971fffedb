"""A border drawn to the nearest colour edges: a cut in a band around it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical import grabcut
from segmenters.classical.grabcut import GROUND, MAYBE_GROUND, MAYBE_OBJECT, OBJECT, Labels
from segmenters.classical.view import Mask
from segmenters.classical.window import Box, Cell, Point, Window

_CELLS = 160 * 112
BAND, DRAWN_BAND = 0.1, 1.0
"""How far a border may move, as a part of the mask's typical side: of masks that were found, and of drawn
ones, which may cover only the middle of a thing."""

_LEAST = 1.5  # cells, of either grid
_MARGIN, _DRAWN_MARGIN = 0.2, 0.6  # ground around the mask that the cut sees, of its long side
_DOT = 0.0275  # of the grid: certain around a click

Clicks = tuple[Sequence[Point], Sequence[Point]]
"""The positive and the negative ones."""


def snapped(
    lab: NDArray[np.uint8],
    mask: Mask,
    grid: Window,
    clicks: Clicks,
    box: Box | None = None,
    band: float = BAND,
) -> tuple[Window, Mask]:
    """A mask on ``grid`` cut again, and the window that it is then on; nothing outside ``box`` is on.

    ``lab``: HxWx3 uint8, the encoder's image. ``mask`` must not be empty.
    """
    height, width = lab.shape[:2]
    margin = _MARGIN if band <= BAND else _DRAWN_MARGIN
    window = Window.around(box or grid.extent(mask), margin, (width, height), _CELLS)
    start = window.taken(mask, grid)
    labels = np.where(start, MAYBE_OBJECT, MAYBE_GROUND).astype(np.uint8)
    sure = ~_band(start, band, window.size_beside(grid))
    labels[sure & start], labels[sure & ~start] = OBJECT, GROUND
    if box is not None:
        labels[~window.inside(box)] = GROUND
    found, (on, off) = _cut(window, lab, labels, clicks)
    return window, grabcut.tidy(found, on, off)


def snapped_part(
    lab: NDArray[np.uint8], before: Mask, part: Mask, grid: Window, clicks: Clicks, adds: bool
) -> tuple[Window, Mask, Mask]:
    """``before`` (HxW of the encoder's image) with a part (on ``grid``) added or taken away.

    The window, what is on there, and where it may differ from ``before``: in the part, and in a band around
    its border.
    """
    height, width = lab.shape[:2]
    window = Window.around(grid.extent(part), _MARGIN, (width, height), _CELLS)
    there = window.seen(before)
    piece = window.taken(part, grid)
    wanted = there | piece if adds else there & ~piece
    labels = np.where(wanted, OBJECT, GROUND).astype(np.uint8)
    unsure = _band(piece, BAND, window.size_beside(grid)) & ~(there if adds else ~there)
    labels[unsure & wanted], labels[unsure & ~wanted] = MAYBE_OBJECT, MAYBE_GROUND
    found, _ = _cut(window, lab, labels, clicks)
    return window, found, unsure | piece


def _band(mask: Mask, part: float, coarse: float) -> Mask:
    """Around the border of a mask, which comes from a grid with cells of the size ``coarse``."""
    bits = mask.astype(np.uint8)
    reach = max(_LEAST, _LEAST * coarse, part * math.sqrt(np.count_nonzero(bits)))
    inside, outside = (cv2.distanceTransform(each, cv2.DIST_L2, 3) for each in (bits, 1 - bits))
    return np.asarray((inside <= reach) & (outside <= reach))


def _cut(
    window: Window, lab: NDArray[np.uint8], labels: Labels, clicks: Clicks
) -> tuple[Mask, tuple[list[Cell], list[Cell]]]:
    on, off = (window.cells(points) for points in clicks)
    grabcut.mark_clicks(labels, on, off, max(1.0, _DOT * window.size))
    found = grabcut.cut(window.view(lab), labels, 2)
    return found, (on, off)
