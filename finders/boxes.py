"""Boxes: how much they overlap, and which of them say the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]

SAME = 0.5
"""From this intersection over union on, two boxes are of the same thing."""


def overlaps(boxes: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """(N, M): intersection over union of (N, 4) and (M, 4) boxes x0, y0, x1, y1; 0 for boxes without area."""
    ours, theirs = (np.asarray(each, np.float64).reshape(-1, 4) for each in (boxes, others))
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    union = _areas(ours)[:, None] + _areas(theirs)[None] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0), np.float64)


def distinct(boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike, same: float = SAME) -> NDArray[np.intp]:
    """The boxes that stay, the best score first: non-maximum suppression within each class.

    ``boxes``: (N, 4), ``scores``: (N,), ``classes``: (N,). A box goes where a better one of its class stays
    that overlaps it by more than ``same``. Of equal scores the first is better.
    """
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    kinds = np.asarray(classes)[order]
    ordered = np.asarray(boxes, np.float64).reshape(-1, 4)[order]
    rivals = (overlaps(ordered, ordered) > same) & (kinds[:, None] == kinds[None])
    stays = np.ones(len(order), bool)
    for index in range(len(order)):
        if stays[index]:
            stays[index + 1 :] &= ~rivals[index, index + 1 :]
    return np.asarray(order[stays], np.intp)


def clear_of(boxes: ArrayLike, regions: ArrayLike, same: float = SAME) -> NDArray[np.bool_]:
    """(N,): which boxes no region overlaps by ``same`` or more.

    By intersection over union, so that a wheel is found on a car that is annotated already.
    """
    return np.asarray((overlaps(boxes, regions) < same).all(1), np.bool_)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(-1), np.float64)
