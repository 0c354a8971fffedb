"""Closed contours around a click, found in polar coordinates.

A contour around a point is a path from the left to the right of the picture's polar transform, and its cost
does not grow with its size: fixation-based segmentation (Mishra, Aloimonos, Cheong 2009). Radii are
logarithmic here, and a preference for one of several radii gives one contour for each.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

ANGLES = 96
"""Directions around the point, the first to the right."""

_RADII = 56
_LEAST = 1.5  # cells
_MOST = 1.1  # of the long side
_OUTSIDE = 0.45  # boundary strength beyond the picture: a thing may go on there
_BEND = 0.12  # cost of each step of radius from one angle to the next
_STEEPEST = 3  # steps
_FAR = 0.35  # cost at a deviation from the preferred radius
_WIDTH = 0.45  # that deviation, in the logarithm of the radius


def closed_contours(
    strength: NDArray[np.float32], x: float, y: float, radii: ArrayLike
) -> list[NDArray[np.bool_]]:
    """What one closed contour around (x, y) holds, HxW bool, for each preferred radius in cells."""
    radii = np.asarray(radii, np.float64)
    height, width = strength.shape
    logs = np.linspace(math.log(_LEAST), math.log(max(2 * _LEAST, _MOST * max(width, height))), _RADII)
    turns = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    columns = (x + np.cos(turns)[:, None] * np.exp(logs)).astype(np.float32)
    rows = (y + np.sin(turns)[:, None] * np.exp(logs)).astype(np.float32)
    seen = cv2.remap(
        strength, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_OUTSIDE
    )
    off = (logs - np.log(radii)[..., None]) / _WIDTH
    preference = np.broadcast_to(
        _FAR * np.minimum(off * off, 4.0).reshape(len(radii), -1, _RADII), (len(radii), ANGLES, _RADII)
    )
    paths = _paths(1 - np.asarray(seen, np.float32), preference)
    angles = np.arange(ANGLES)
    found = []
    for path in paths:
        outline = np.stack([columns[angles, path], rows[angles, path]], axis=1)
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1,))
        found.append(mask > 0)
    return found


def _paths(cost: NDArray[np.float32], preference: NDArray[np.float64]) -> NDArray[np.int64]:
    """KxA: of K preferences (KxAxR) the radius at each of A angles that costs least in all (``cost`` AxR).

    Two turns are made, and from the middle of the first to the middle of the second the path is closed, or
    nearly so.
    """
    turn = len(cost)
    bends = np.array([_BEND * abs(step) for step in range(-_STEEPEST, _STEEPEST + 1)])
    kinds, _, count = preference.shape
    added = cost[:, None] + preference.transpose(1, 0, 2)
    padded = np.full((kinds, count + 2 * _STEEPEST), np.inf)
    best = padded[:, _STEEPEST:-_STEEPEST]
    best[:] = 0
    reached = np.lib.stride_tricks.sliding_window_view(padded, len(bends), axis=1)
    back = np.zeros((2 * turn, kinds, count), np.int64)
    for index in range(2 * turn):
        options = reached + bends
        options.argmin(axis=2, out=back[index])
        np.add(options.min(axis=2), added[index % turn], out=best)
    back -= _STEEPEST
    at = best.argmin(axis=1)
    each = np.arange(len(at))
    paths = np.zeros((len(at), turn), np.int64)
    for index in range(2 * turn - 1, turn // 2 - 1, -1):
        paths[:, index % turn] = at
        at = at + back[index, each, at]
    return paths
