"""GrabCut (Rother, Kolmogorov, Blake 2004) as OpenCV has it, and the small tools around it.

Label maps are HxW uint8 of cv2's four classes; masks are HxW bool; clicks are (column, row) cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.window import Cell

GROUND, OBJECT, MAYBE_GROUND, MAYBE_OBJECT = (cv2.GC_BGD, cv2.GC_FGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD)

Labels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_FLAT = 0.4  # of the neighbouring cells that are exactly alike; photographs with much sky have a third
_SMALL_HOLE = 0.02  # of the object's area
_SMALL_PART = 0.2  # of the largest part's area


def cut(lab: NDArray[np.uint8], labels: Labels, rounds: int) -> Mask:
    """The object in ``lab`` (HxWx3 uint8); ``labels`` is overwritten."""
    on = _object(labels)
    if on.all() or not on.any():  # nothing to tell apart, and OpenCV wants samples of both
        return on
    cv2.setRNGSeed(0)  # a generator per thread; the clustering draws from it
    ground, thing = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(_grained(lab), labels, (0, 0, 0, 0), ground, thing, rounds, cv2.GC_INIT_WITH_MASK)
    return _object(labels)


def _grained(lab: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``lab``, with the least grain there is where much of it is flat, as drawings and screenshots are.

    Where all edges weigh the same OpenCV's maximum flow takes seconds instead of milliseconds, and a mixture
    of one colour has no spread.
    """
    alike = (lab[:, 1:] == lab[:, :-1]).all(axis=2)
    if np.count_nonzero(alike) <= _FLAT * alike.size:
        return lab
    grain = np.random.default_rng(0).integers(0, 3, lab.shape, np.uint8)
    return np.asarray(cv2.subtract(cv2.add(lab, grain), np.ones_like(lab)), np.uint8)


def _object(labels: Labels) -> Mask:
    return np.asarray((labels == OBJECT) | (labels == MAYBE_OBJECT))


def mark_clicks(labels: Labels, positive: Sequence[Cell], negative: Sequence[Cell], radius: float) -> None:
    """Fix a dot of ``radius`` cells around each click, smaller where a click of the other kind is near."""
    for cells, others, label in ((negative, positive, GROUND), (positive, negative, OBJECT)):
        for cell in cells:
            nearest = min((math.dist(cell, other) for other in others), default=math.inf)
            disc(labels, cell, min(radius, 0.4 * nearest), label)


def disc(labels: Labels, cell: Cell, radius: float, label: int) -> None:
    """Paint a filled disc, at least the cell itself."""
    cv2.circle(labels, cell, max(0, round(radius)), (label,), cv2.FILLED)


def tidy(mask: Mask, positive: Sequence[Cell], negative: Sequence[Cell]) -> Mask:
    """The parts that were clicked, without pinholes; without positive clicks the large parts."""
    return _filled(_clicked(mask, positive), negative)


def _clicked(mask: Mask, positive: Sequence[Cell]) -> Mask:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    wanted = {int(parts[row, column]) for column, row in positive} - {0}
    if not wanted:
        areas = stats[1:, cv2.CC_STAT_AREA]
        wanted = {int(i) + 1 for i in np.flatnonzero(areas >= _SMALL_PART * areas.max())}
    chosen = np.zeros(count, np.bool_)
    chosen[list(wanted)] = True
    return np.asarray(chosen[parts], np.bool_)


def _filled(mask: Mask, negative: Sequence[Cell]) -> Mask:
    """Fill small holes. One that holds a negative click is meant, one at the edge may be no hole at all."""
    _, holes, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    fill = stats[:, cv2.CC_STAT_AREA] <= _SMALL_HOLE * np.count_nonzero(mask)
    fill[0] = False
    fill[np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]])] = False
    fill[[int(holes[row, column]) for column, row in negative]] = False
    return np.asarray(mask | fill[holes], np.bool_)
