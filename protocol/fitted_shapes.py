"""Rectangles that may be turned, and ellipses, fitted to masks: values as Label Studio's regions have them.

Places and lengths are percent of the picture: those across of its width, those down of its height, also where
the shape is turned. ``rotation`` is in degrees, clockwise in pixels, 0 <= rotation < 360.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Value = dict[str, float]

_MOST_SIDE, _MOST_RADIUS = 100.0, 50.0
"""The longest side and radius, in percent, that Label Studio accepts in a stored prediction. It accepts a
corner or a centre left of the picture or above it, but none beyond the other two edges."""


def upright_rectangle(mask: NDArray[np.bool_]) -> Value:
    """The outer edges of the outermost pixels of a mask, HxW bool with a pixel that is on."""
    height, width = mask.shape
    left, top, right, bottom = _bounds(mask)
    x, y = left / width * 100, top / height * 100
    return {
        "x": x,
        "y": y,
        "width": right / width * 100 - x,
        "height": bottom / height * 100 - y,
        "rotation": 0,
    }


def turned_rectangle(mask: NDArray[np.bool_]) -> Value:
    """The smallest rectangle around the pixels of a mask, turned about its top left corner.

    ``mask``: HxW bool with a pixel that is on. The upright one, where no other is smaller, and where Label
    Studio would not accept the other: a side longer than the picture is wide, or high.

    The rotating calipers of OpenCV's ``minAreaRect`` (Toussaint 1983).
    """
    height, width = mask.shape
    left, top, right, bottom = _bounds(mask)
    outline = _row_ends(mask[top:bottom, left:right])
    (x, y), (across, down), degrees = cv2.minAreaRect(outline)
    if across * down < (right - left) * (bottom - top) * (1 - 1e-6):
        for sides, turn in _turns(across, down, degrees):
            cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            corner_x = left + x - (cos * sides[0] - sin * sides[1]) / 2
            corner_y = top + y - (sin * sides[0] + cos * sides[1]) / 2
            value = {
                "x": corner_x / width * 100,
                "y": corner_y / height * 100,
                "width": sides[0] / width * 100,
                "height": sides[1] / height * 100,
            }
            if max(value.values()) <= _MOST_SIDE:
                return {**value, "rotation": turn}
    return upright_rectangle(mask)


def ellipse(mask: NDArray[np.bool_]) -> Value:
    """The ellipse of a mask's area, with its centre, direction and proportions by moments.

    ``mask``: HxW bool with a pixel that is on. A radius that Label Studio would not accept is cut.

    Second moments use every pixel, so a ragged outline hardly matters, where a least-squares fit to the
    outline follows its outliers and needs five points. The ellipse with a mask's own moments is never smaller
    than the mask, and much larger where a speck lies far away; of the mask's area, as much of it is outside
    of the mask as is missing inside, and areas measured on ellipses are those of the masks.
    """
    height, width = mask.shape
    left, top, right, bottom = _bounds(mask)
    moments = cv2.moments(mask[top:bottom, left:right].view(np.uint8), binaryImage=True)
    area = moments["m00"]
    # Pixels are squares and no points: each has a second moment of its own.
    xx, yy = moments["mu20"] / area + 1 / 12, moments["mu02"] / area + 1 / 12
    xy = moments["mu11"] / area
    spread = math.hypot(xx - yy, 2 * xy)
    proportion = ((xx + yy + spread) / (xx + yy - spread)) ** 0.25
    radius = math.sqrt(area / math.pi)
    degrees = math.degrees(math.atan2(2 * xy, xx - yy)) / 2
    shapes = [
        ({"radiusX": radii[0] / width * 100, "radiusY": radii[1] / height * 100}, turn)
        for radii, turn in _turns(radius * proportion, radius / proportion, degrees)
    ]
    radii, turn = next((each for each in shapes if max(each[0].values()) <= _MOST_RADIUS), shapes[0])
    return {
        "x": (left + moments["m10"] / area + 0.5) / width * 100,
        "y": (top + moments["m01"] / area + 0.5) / height * 100,
        **{name: min(value, _MOST_RADIUS) for name, value in radii.items()},
        "rotation": turn,
    }


def _turns(across: float, down: float, degrees: float) -> Iterator[tuple[tuple[float, float], float]]:
    """The same shape written in four ways, a quarter turn apart: (sides, degrees), the most upright first."""
    quarters = round(degrees / 90)
    for quarter in (quarters, quarters - 1, quarters + 1, quarters + 2):
        sides = (across, down) if quarter % 2 == 0 else (down, across)
        yield sides, round(degrees - quarter * 90, 6) % 360


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is on; the latter two are the first pixels that are not."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _row_ends(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Nx2 float32, x and y: the corners of the first and the last pixel of each row that has any.

    Nothing reaches beyond them, so that what is around them is around all pixels.
    """
    rows = np.flatnonzero(mask.any(axis=1))
    first = mask.argmax(axis=1)[rows]
    behind = mask.shape[1] - mask[:, ::-1].argmax(axis=1)[rows]
    x = np.concatenate([first, behind, first, behind])
    y = np.concatenate([rows, rows, rows + 1, rows + 1])
    return np.stack([x, y], axis=1).astype(np.float32)
