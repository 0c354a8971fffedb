"""Boundary strength: how surely each cell of a picture lies on the border of something.

The idea is that of Pb (Martin, Fowlkes, Malik 2004): colour and texture on the two sides of a cell are
compared along several directions and at several scales. The sides are Gaussian windows here, compared by
their means over their spreads, so that texture, whose spread is large, is no border.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_SCALES = ((1.2, 0.9), (2.4, 1.0), (4.8, 0.8))  # cells from the middle of a side to the border, weight
_DIRECTIONS = 8
_SPREAD = 0.6  # of that distance: the deviation of a side's window
LIGHTNESS = 0.6  # of OpenCV's L, which counts 255 from black to white
_GRAIN = 7.0  # variance of a flat side: noise of a sensor
_SURE = 6.0  # squared contrast at which a border is fairly sure

_Field = NDArray[np.float32]


def boundary_strength(lab: NDArray[np.uint8]) -> _Field:
    """HxW float32 in 0..1 of HxWx3 uint8 Lab."""
    features = _features(lab)
    strength = np.zeros(lab.shape[:2], np.float32)
    for distance, weight in _SCALES:
        contrast = _contrast(features, distance)
        strength += weight * (1 - np.exp(-contrast / (2 * _SURE)))
    return np.asarray(strength / sum(weight for _, weight in _SCALES), np.float32)


def _features(lab: NDArray[np.uint8]) -> _Field:
    """HxWx4: lightness, two colours, and how restless the lightness is."""
    wide = lab.astype(np.float32)
    light = wide[..., 0] * np.float32(LIGHTNESS)
    texture = cv2.GaussianBlur(np.abs(light - cv2.GaussianBlur(light, (0, 0), 1.5)), (0, 0), 1.0)
    return np.asarray(np.dstack([light, wide[..., 1], wide[..., 2], 2 * texture]), np.float32)


def _contrast(features: _Field, distance: float) -> _Field:
    """HxW: the largest squared difference of the two sides, in spreads, over all directions."""
    deviation = _SPREAD * distance
    mean = np.asarray(cv2.GaussianBlur(features, (0, 0), deviation), np.float32)
    squares = np.asarray(cv2.GaussianBlur(features * features, (0, 0), deviation), np.float32)
    spread = np.maximum(squares - mean * mean, 0)
    found = np.zeros(features.shape[:2], np.float32)
    for index in range(_DIRECTIONS):
        angle = math.pi * index / _DIRECTIONS
        dx, dy = distance * math.cos(angle), distance * math.sin(angle)
        difference = _moved(mean, dx, dy) - _moved(mean, -dx, -dy)
        spreads = (_moved(spread, dx, dy) + _moved(spread, -dx, -dy)) / 2 + _GRAIN
        each = np.asarray((difference * difference / spreads).sum(axis=2), np.float32)
        # A border goes on: its neighbours along the tangent agree.
        along = (_moved(each, -dy, dx) + _moved(each, dy, -dx) + 2 * each) / 4
        np.maximum(found, along, out=found)
    return found


def _moved(field: _Field, dx: float, dy: float) -> _Field:
    shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    size = (field.shape[1], field.shape[0])
    moved = cv2.warpAffine(field, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)
