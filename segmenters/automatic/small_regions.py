"""Small parts and small holes of a mask, as ``remove_small_regions`` of Segment Anything removes them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def without_small_regions(mask: Mask, area: int) -> Mask:
    """HxW bool: holes with fewer than ``area`` pixels are filled, then parts with fewer are taken away.

    A hole is any connected region that is off, also at the picture's edge. Of parts that are all small the
    largest stays. The same object where nothing is small. Pixels that touch at a corner are connected.
    """
    labels, areas = _regions(~mask)
    small = _small(areas, area)
    if small.any():
        mask = mask | small[labels]
    labels, areas = _regions(mask)
    small = _small(areas, area)
    if not small.any():
        return mask
    if small[1:].all():
        small[1 + int(np.argmax(areas[1:]))] = False
    return mask & ~small[labels]


def _small(areas: NDArray[np.int32], area: int) -> Mask:
    """By number, whether a region has too few pixels; number 0 is what is off."""
    small = areas < area
    small[0] = False
    return small


def _regions(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The number of each pixel's region, and by number how many pixels it has."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats[:, cv2.CC_STAT_AREA], np.int32)
