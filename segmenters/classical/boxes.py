"""The thing in a box: what may be meant by it, and what tells which."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical import grabcut
from segmenters.classical.boundaries import boundary_strength
from segmenters.classical.contours import ANGLES, closed_contours
from segmenters.classical.grabcut import GROUND, MAYBE_GROUND, MAYBE_OBJECT
from segmenters.classical.hierarchy import Hierarchy
from segmenters.classical.rating import FEATURES, agreements, deepest, features
from segmenters.classical.view import Mask, View
from segmenters.classical.window import Box, Window

SOURCES = ("cut", "inner cut", "contour", "level")
NAMES = (*FEATURES, "gaps to sides", "largest gap", "share", "share2", "agreed", "middle", *SOURCES)
"""Names of what ``measured`` gives, in order."""

_CELLS = 128 * 96
_MARGIN = 0.2  # ground around the box that is seen, of its long side
_INNER = 0.75  # ellipse in the box, as parts of its sides
_TREE = (0.3, 0.2)
_LEVELS = (0.3, 0.45, 0.6, 0.75, 0.85, 0.95)  # quantiles of the levels at which regions merge
_MOSTLY = 0.7  # of a region inside the box
_WHOLE = 0.98  # of the picture
_SIDES, _NEARER = 0.97, 0.75  # of the way to the box's border: where contours are preferred


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """``view``: of the box and around it. ``rectangle``: (left, top, right, bottom) in cells, the last two
    exclusive. ``masks``: (source, HxW bool inside the box) of what may be meant."""

    view: View
    rectangle: tuple[int, int, int, int]
    masks: list[tuple[str, Mask]]


def boxed(lab: NDArray[np.uint8], box: Box) -> Boxed:
    """What may be meant by a box in ``lab``, the encoder's image."""
    height, width = lab.shape[:2]
    window = Window.around(box, _MARGIN, (width, height), _CELLS)
    seen = window.view(lab)
    view = View.of(window, seen, boundary_strength(seen), (width, height))
    rectangle, inside = window.rectangle(box), window.inside(box)
    found = [
        ("cut", _cut(seen, inside, inside)),
        ("inner cut", _cut(seen, inside, _ellipse(inside.shape, rectangle))),
        *(("contour", mask & inside) for mask in _contours(view, rectangle)),
        *(("level", mask) for mask in _levels(view, inside)),
    ]
    # A box around the whole picture leaves no ground, and the whole picture is no thing.
    most = inside.size * _WHOLE if inside.mean() > _WHOLE else inside.size
    masks = [(source, mask) for source, mask in found if 0 < np.count_nonzero(mask) <= most]
    return Boxed(view, rectangle, masks)


def measured(found: Boxed) -> NDArray[np.float64]:
    """NxF of the masks, see ``NAMES``."""
    left, top, right, bottom = found.rectangle
    width, height = right - left, bottom - top
    agreed = agreements([mask for _, mask in found.masks], [source for source, _ in found.masks])
    rows = []
    for (source, mask), agreement in zip(found.masks, agreed, strict=True):
        own = features(found.view, mask, deepest(mask))
        y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        gaps = [
            (x[0] - left) / width,
            (y[0] - top) / height,
            (right - 1 - x[-1]) / width,
            (bottom - 1 - y[-1]) / height,
        ]
        filled = np.count_nonzero(mask) / (width * height)
        middle = float(mask[(top + bottom) // 2, (left + right) // 2])
        extents = (sum(gaps), max(gaps), filled, filled**2, agreement / 3, middle)
        rows.append(np.concatenate([own, extents, [float(source == name) for name in SOURCES]]))
    return np.array(rows)


def _cut(seen: NDArray[np.uint8], inside: Mask, start: Mask) -> Mask:
    labels = np.where(start, MAYBE_OBJECT, MAYBE_GROUND).astype(np.uint8)
    labels[~inside] = GROUND
    found = grabcut.cut(seen, labels, 3)
    return grabcut.tidy(found, [], []) & inside


def _ellipse(shape: tuple[int, ...], rectangle: tuple[int, int, int, int]) -> Mask:
    left, top, right, bottom = rectangle
    axes = (max(1, round((right - left) * _INNER / 2)), max(1, round((bottom - top) * _INNER / 2)))
    drawn = np.zeros(shape, np.uint8)
    cv2.ellipse(drawn, ((left + right) // 2, (top + bottom) // 2), axes, 0, 0, 360, (1,), cv2.FILLED)
    return drawn > 0


def _contours(view: View, rectangle: tuple[int, int, int, int]) -> list[Mask]:
    """Contours around the middle: one near the box's sides, and two near ellipses in it."""
    left, top, right, bottom = rectangle
    turns = np.arange(ANGLES) * (2 * math.pi / ANGLES)
    across, down = (right - left) / 2, (bottom - top) / 2
    cosine, sine = np.maximum(np.abs(np.cos(turns)), 1e-6), np.maximum(np.abs(np.sin(turns)), 1e-6)
    sides = np.minimum(across / cosine, down / sine)
    ellipse = across * down / np.hypot(down * cosine, across * sine)
    radii = np.maximum(1.5, np.stack([_SIDES * sides, _SIDES * ellipse, _NEARER * ellipse]))
    return closed_contours(view.strength, (left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5, radii)


def _levels(view: View, inside: Mask) -> list[Mask]:
    """At several levels of a hierarchy the regions that are mostly inside."""
    tree = Hierarchy.of(view.lab, view.strength, *_TREE)
    return [grabcut.tidy(mask & inside, [], []) for mask in tree.mostly(inside, _MOSTLY, _LEVELS)]
