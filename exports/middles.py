"""The middle of a mask: where an annotator clicks who is to click once."""

from __future__ import annotations

import cv2
import numpy as np

from exports.run_lengths import Mask


def deepest(mask: Mask) -> tuple[float, tuple[int, int]]:
    """(distance to the border in pixels, (x, y)) of the point farthest inside; distance 0 for none."""
    inside = np.pad(mask, 1).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(distance)), distance.shape)
    return float(distance[row, column]), (int(column), int(row))
