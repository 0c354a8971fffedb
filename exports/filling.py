"""Outlines as masks. A pixel is on where its middle is inside, so that a mask has its outline's area."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from exports.run_lengths import Mask

Ring = NDArray[np.float64]
"""Nx2 (x, y) in pixels, where pixel i covers i .. i+1; the last point is joined to the first."""

_CROSSINGS = 2**20
"""Places where an edge meets a row that are looked at together."""


def polygon_mask(ring: Ring, width: int, height: int) -> tuple[Mask, bool]:
    """The inside of a polygon, height x width bool, and whether every pixel of it is run around just once.

    The inside is what the polygon runs around at all, whichever way. That is how a browser's canvas, and so
    Label Studio, fills one that crosses itself; others leave empty what it runs around twice.
    """
    mask = np.zeros((height, width), np.bool_)
    low, high = np.floor(ring.min(axis=0)), np.ceil(ring.max(axis=0))
    left, top = (int(edge) for edge in np.clip(low, 0, (width, height)))
    right, bottom = (int(edge) for edge in np.clip(high, 0, (width, height)))
    if right <= left or bottom <= top:
        return mask, True
    turns = np.zeros((bottom - top, right - left + 1), np.int16)
    _add_crossings(turns, ring - (left, top))
    np.cumsum(turns, axis=1, out=turns)
    mask[top:bottom, left:right] = turns[:, :-1] != 0
    return mask, bool(turns.max() - turns.min() <= 1)


def _add_crossings(turns: NDArray[np.int16], ring: Ring) -> None:
    """Add to each row where it meets an edge from left to right: 1 for one that goes down, -1 for one up."""
    start, end = ring, np.roll(ring, -1, axis=0)
    rises = start[:, 1] > end[:, 1]
    upper, lower = np.where(rises[:, None], end, start), np.where(rises[:, None], start, end)
    height, width = turns.shape
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.int64)
    rows = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.int64) - first
    met = np.flatnonzero(rows > 0)
    slope = (lower[met, 0] - upper[met, 0]) / (lower[met, 1] - upper[met, 1])
    total = np.cumsum(rows[met])
    borders = [0, *(np.flatnonzero(np.diff(total // _CROSSINGS)) + 1), met.size]
    for begin, stop in pairwise(borders):
        edges = met[begin:stop]
        count = rows[edges]
        behind = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        row = np.repeat(first[edges], count) + behind
        across = np.repeat(upper[edges, 0], count) + np.repeat(slope[begin:stop], count) * (
            row + 0.5 - np.repeat(upper[edges, 1], count)
        )
        column = np.clip(np.ceil(across - 0.5), 0, width - 1).astype(np.int64)
        np.add.at(turns, (row, column), np.repeat(np.where(rises[edges], -1, 1), count).astype(np.int16))


def ellipse_mask(
    centre: tuple[float, float], radii: tuple[float, float], degrees: float, width: int, height: int
) -> Mask:
    """The inside of an ellipse turned clockwise about its centre, height x width bool. All in pixels."""
    mask = np.zeros((height, width), np.bool_)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    reach = math.hypot(radii[0] * cos, radii[1] * sin), math.hypot(radii[0] * sin, radii[1] * cos)
    left, right = (_within(centre[0] + side * (reach[0] + 1), width) for side in (-1, 1))
    top, bottom = (_within(centre[1] + side * (reach[1] + 1), height) for side in (-1, 1))
    x = np.arange(left, right) + 0.5 - centre[0]
    y = np.arange(top, bottom)[:, None] + 0.5 - centre[1]
    along, against = (x * cos + y * sin) / radii[0], (y * cos - x * sin) / radii[1]
    mask[top:bottom, left:right] = along**2 + against**2 <= 1
    return mask


def ellipse_ring(centre: tuple[float, float], radii: tuple[float, float], degrees: float) -> Ring:
    """Points on the same ellipse, so many that none of it is farther than a tenth of a pixel from them."""
    # Between two of n points the ellipse is r (1 - cos(pi / n)) away, some 5 r / n^2.
    count = max(24, math.ceil(math.sqrt(50 * max(radii))))
    turn = np.linspace(0, 2 * math.pi, count, endpoint=False)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
    return np.stack([centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos], axis=1)


def _within(place: float, side: int) -> int:
    return min(max(round(place), 0), side)
