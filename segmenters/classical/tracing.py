"""Traces the object of a prompt: where to look, what to assume there, and the cuts that follow.

Radii and margins were chosen on generated scenes and on photographs, see ``benchmarks.classical``. They
are parts of a window's typical side unless said otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical import grabcut
from segmenters.classical.grabcut import GROUND, MAYBE_GROUND, MAYBE_OBJECT, Colors, Labels, Mask
from segmenters.classical.hints import Hints
from segmenters.classical.window import Box, Cell, Window

CELLS = 256 * 192

_DISC = 0.095  # probable object around a positive click; half of it is probable ground around a negative one
_LATER = 0.6  # of that disc for a further positive click: it corrects, often close to the border
_COARSE_DOT, _FINE_DOT = 0.0185, 0.0275  # certain object or ground around a click
_MARGIN = 0.2  # ground around an object that the fine cut sees
_DRAWN_MARGIN = 0.6  # the same around a drawn mask, which may cover only the middle of the object
_OPEN = 0.2  # from a positive click, where the image's edge is not taken for ground
_SPECK = 0.12  # of the grid: anything smaller is looked at again
_NEARER = 2.0  # margin of that second look
_TIGHT = 0.8  # part of a box that the object's extent should take: people draw boxes tightly
_CORE = 0.75  # ellipse in a box to start again from

_Lab = NDArray[np.uint8]


class Traced(NamedTuple):
    """``mask``: HxW bool on the grid of ``window``. ``score``: 0..1, see ``grabcut.plausibility``."""

    window: Window
    mask: Mask
    score: float


def trace(lab: _Lab, overview: _Lab, hints: Hints) -> Traced | None:
    """The object that the hints point at, or None when nothing was pointed at but the ground.

    ``lab``: HxWx3 uint8, the encoder's image; ``overview``: the same in about ``CELLS`` pixels.
    """
    if hints.box is not None:
        return _in_box(lab, hints, hints.box)
    if hints.prior is not None:
        return _from_prior(lab, hints, hints.prior)
    if hints.positive:
        return _from_clicks(lab, overview, hints)
    return None


def _from_clicks(lab: _Lab, overview: _Lab, hints: Hints) -> Traced:
    """First a coarse cut of the whole image, then a fine one of what was found."""
    height, width = lab.shape[:2]
    window = Window(0, 0, width, height, overview.shape[1], overview.shape[0])
    found, colors = _coarse(overview, window, hints)
    if _side(found) < _SPECK * window.size:
        # The dot itself nearly covers a thing this small, so look again from nearer.
        window = Window.around(window.extent(found), _NEARER, (width, height), CELLS)
        found, colors = _coarse(window.view(lab), window, hints)
    return _fine(lab, hints, found, window, _MARGIN, colors, 1)


def _coarse(seen: _Lab, window: Window, hints: Hints) -> tuple[Mask, Colors | None]:
    """The object, and the colours learnt, from nothing but a disc assumed around each click."""
    positive, negative = window.cells(hints.positive), window.cells(hints.negative)
    labels = np.full(seen.shape[:2], MAYBE_GROUND, np.uint8)
    radius = max(2.0, _DISC * window.size)
    for index, cell in enumerate(positive):
        grabcut.disc(labels, cell, radius * (_LATER if index else 1.0), MAYBE_OBJECT)
    for cell in negative:
        grabcut.disc(labels, cell, radius / 2, MAYBE_GROUND)
    _frame(labels, (True, True, True, True))
    for cell in positive:  # an object clicked near the edge of the image most likely goes on beyond it
        _open_frame(labels, cell, _OPEN * window.size)
    grabcut.mark_clicks(labels, positive, negative, max(1.0, _COARSE_DOT * window.size))
    found, colors = grabcut.cut(seen, labels, 2, None)
    return grabcut.tidy(found, positive, negative), colors


def _from_prior(lab: _Lab, hints: Hints, prior: Mask) -> Traced:
    """A drawn mask takes the place of the coarse cut; clicks beside it add to it."""
    height, width = prior.shape
    start = prior.astype(np.uint8)
    for x, y in hints.positive:
        cv2.circle(start, (int(x), int(y)), max(1, round(0.02 * max(width, height))), (1,), cv2.FILLED)
    whole = Window(0, 0, width, height, width, height)
    traced = _fine(lab, hints, start > 0, whole, _DRAWN_MARGIN, None, 3)
    if traced.mask.any():
        return traced
    return traced._replace(mask=traced.window.view(start) > 0)


def _fine(
    lab: _Lab, hints: Hints, found: Mask, grid: Window, margin: float, colors: Colors | None, rounds: int
) -> Traced:
    """Cut again in a window around what was found on ``grid``."""
    height, width = lab.shape[:2]
    window = Window.around(grid.extent(found), margin, (width, height), CELLS)
    seen = window.view(lab)
    labels = np.where(_carried(found, grid, window), MAYBE_OBJECT, MAYBE_GROUND).astype(np.uint8)
    _frame(labels, _inner_sides(window, width, height))
    return _finish(seen, labels, window, hints, colors, rounds)


def _finish(
    seen: _Lab, labels: Labels, window: Window, hints: Hints, colors: Colors | None, rounds: int
) -> Traced:
    """Mark the clicks, cut, tidy, rate."""
    positive, negative = window.cells(hints.positive), window.cells(hints.negative)
    grabcut.mark_clicks(labels, positive, negative, max(1.0, _FINE_DOT * window.size))
    found, _ = grabcut.cut(seen, labels, rounds, colors)
    mask = grabcut.tidy(found, positive, negative)
    return Traced(window, mask, grabcut.plausibility(seen, mask))


def _in_box(lab: _Lab, hints: Hints, box: Box) -> Traced:
    """Outside the box is ground; inside, all of it may be object, or else an ellipse in its middle."""
    height, width = lab.shape[:2]
    window = Window.around(box, _MARGIN, (width, height), CELLS)
    seen = window.view(lab)
    left, top, right, bottom = window.rectangle(box)
    inside = np.zeros((window.height, window.width), np.bool_)
    inside[top:bottom, left:right] = True
    ellipse = np.zeros(inside.shape, np.uint8)
    axes = (max(1, round((right - left) * _CORE / 2)), max(1, round((bottom - top) * _CORE / 2)))
    cv2.ellipse(ellipse, ((left + right) // 2, (top + bottom) // 2), axes, 0, 0, 360, (1,), cv2.FILLED)
    starts = [inside, ellipse > 0]
    if hints.prior is not None:
        starts = [window.view(hints.prior.astype(np.uint8)) > 0]
    elif inside.mean() > 0.98:  # a box around the whole picture leaves no ground to learn from
        starts = [ellipse > 0]
    tried: list[Traced] = []
    for start in starts:
        labels = _box_labels(inside, start, window, hints)
        tried.append(_finish(seen, labels, window, hints, None, 3))
        if _extent(tried[-1].mask) > _TIGHT * (right - left) * (bottom - top):
            break
    best = max(tried, key=lambda traced: _extent(traced.mask))
    # The box itself is a poor answer, but better than none.
    return best if best.mask.any() else Traced(window, inside, 0.0)


def _box_labels(inside: Mask, start: Mask, window: Window, hints: Hints) -> Labels:
    labels = np.where(start, MAYBE_OBJECT, MAYBE_GROUND).astype(np.uint8)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    radius = max(2.0, _DISC / 2 * max(len(rows), len(columns)))
    for cell in window.cells(hints.negative):
        grabcut.disc(labels, cell, radius, MAYBE_GROUND)
    labels[~inside] = GROUND
    return labels


def _side(mask: Mask) -> int:
    """Cells along the long side of the upright box around the mask."""
    return max(int(np.ptp(np.flatnonzero(mask.any(axis=axis)))) + 1 for axis in (0, 1)) if mask.any() else 0


def _extent(mask: Mask) -> int:
    """Cells of the upright box around the mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)) if len(rows) else 0


def _carried(mask: Mask, grid: Window, window: Window) -> Mask:
    """What ``mask`` on ``grid`` says about each cell of ``window``, which is inside it."""
    gx, gy = grid.scale
    sx, sy = window.scale
    columns = ((np.arange(window.width) + 0.5) / sx + window.left - grid.left) * gx
    rows = ((np.arange(window.height) + 0.5) / sy + window.top - grid.top) * gy
    columns, rows = np.clip(columns, 0, grid.width - 1), np.clip(rows, 0, grid.height - 1)
    return mask[np.ix_(rows.astype(np.intp), columns.astype(np.intp))]


def _inner_sides(window: Window, width: int, height: int) -> tuple[bool, bool, bool, bool]:
    """Which sides (left, top, right, bottom) of a window are not the image's own."""
    return window.left > 0, window.top > 0, window.right < width, window.bottom < height


def _frame(labels: Labels, sides: tuple[bool, bool, bool, bool]) -> None:
    """A line of certain ground along the given sides (left, top, right, bottom)."""
    for wanted, line in zip(sides, (labels[:, 0], labels[0], labels[:, -1], labels[-1]), strict=True):
        if wanted:
            line[...] = GROUND


def _open_frame(labels: Labels, cell: Cell, reach: float) -> None:
    """Leave the framing line undecided within ``reach`` cells of a cell."""
    rows = slice(max(0, round(cell[1] - reach)), round(cell[1] + reach) + 1)
    columns = slice(max(0, round(cell[0] - reach)), round(cell[0] + reach) + 1)
    near = labels[rows, columns]
    near[near == GROUND] = MAYBE_GROUND
