"""Where things lie in a picture: inside it, across its edge, side by side, out of each other's way.

Outlines are Nx2 in pixels about the origin; places are (x, y) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from testing.still_lifes.canvas import Mask
from testing.still_lifes.noise import Field, Rng

_MARGIN = 3.0  # pixels between a thing and the picture's edge
_GAP = 0.03  # of the picture's short side, between things that do not touch
_TOUCH = 2  # pixels of two outlines that overlap where things touch


def center(rng: Rng, shape: Field, size: tuple[int, int], *, beyond: bool) -> Field:
    """A place wholly inside; or, ``beyond``, one where a good part of the thing is out of the picture."""
    room = np.array(size, np.float32)
    reach = np.abs(shape).max(axis=0) + _MARGIN
    at = rng.uniform(reach, np.maximum(reach, room - reach)).astype(np.float32)
    if beyond:
        axis, far = int(rng.integers(2)), bool(rng.integers(2))
        inside = rng.uniform(-0.1, 0.3) * reach[axis]
        at[axis] = room[axis] - inside if far else inside
    return np.asarray(at, np.float32)


def clutter_centers(rng: Rng, shapes: Sequence[Field], meant: Mask) -> list[tuple[Field, Field]]:
    """(outline, place) of each that finds room; none comes near the thing that is ``meant``."""
    height, width = meant.shape
    taken = _grown(meant)
    found = []
    for shape in shapes:
        for _ in range(20):
            at = center(rng, shape, (width, height), beyond=False)
            mask = _filled(shape + at, width, height)
            if not (mask & taken).any():
                found.append((shape, at))
                taken |= _grown(mask)
                break
    return found


def touching_centers(rng: Rng, shapes: Sequence[Field], outline: Field, size: tuple[int, int]) -> list[Field]:
    """Outlines in the picture of things pushed towards ``outline`` from all around until they touch it."""
    width, height = size
    target = _filled(outline, width, height)
    middle = outline.mean(axis=0)
    start = rng.uniform(0, 2 * np.pi)
    pushed = []
    for index, shape in enumerate(shapes):
        angle = start + index * 2 * np.pi / len(shapes) + rng.uniform(-0.3, 0.3)
        way = np.array([np.cos(angle), np.sin(angle)], np.float32)
        distance = float(np.ptp(outline, axis=0).max() + np.ptp(shape, axis=0).max())
        while distance > 0:
            distance -= 1
            here = _filled(shape + middle + way * distance, width, height)
            if np.count_nonzero(here & target) > 3 * _TOUCH:
                pushed.append(np.asarray(shape + middle + way * (distance - _TOUCH), np.float32))
                break
    return pushed


def _filled(outline: Field, width: int, height: int) -> Mask:
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1,))
    return mask.astype(np.bool_)


def _grown(mask: Mask) -> Mask:
    reach = 2 * max(4, round(_GAP * min(mask.shape))) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(np.bool_)
