"""Non-maximum suppression: of masks that are about the same the best is kept, by their boxes.

OpenCV's own drops all but one of the masks that are a pixel wide, wherever they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segmenters.automatic.found_mask import FoundMask

_Boxes = NDArray[np.float64]


def suppressed(
    found: Sequence[FoundMask], overlap: float, ranks: Sequence[float] | None = None
) -> list[FoundMask]:
    """Those that no better one overlaps by more than an IoU of ``overlap``, the best first.

    A box is as wide as its last column is from its first, as in Segment Anything. ``ranks``: what makes one
    better, the masks' scores without. Equals keep their order.
    """
    boxes = np.array([each.box for each in found], np.float64).reshape(-1, 4)
    left = np.argsort(-np.array(ranks or [each.score for each in found]), kind="stable")
    kept: list[FoundMask] = []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(found[best])
        left = left[_ious(boxes[best], boxes[left]) <= overlap]
    return kept


def _ious(box: _Boxes, others: _Boxes) -> _Boxes:
    """(N,): the IoU of a box (4,) with each of others (N, 4); 0 of two without an area."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    common = np.maximum(sides, 0).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(common / np.maximum(areas - common, 1), np.float64)
