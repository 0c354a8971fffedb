"""What a click may mean: masks around it, from several sources that fail differently.

* ``tree``, ``colors``: regions of the two hierarchies, which follow boundaries, or boundaries and colours;
* ``contour``: closed contours of several radii;
* ``cut``: GrabCut from discs of several sizes.
Each looks at the whole picture and at a part of it around the click, where small things are seen better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical import grabcut
from segmenters.classical.contours import closed_contours
from segmenters.classical.grabcut import GROUND, MAYBE_GROUND, MAYBE_OBJECT, OBJECT
from segmenters.classical.hierarchy import Hierarchy
from segmenters.classical.picture import Picture
from segmenters.classical.rating import FEATURES, agreements, features
from segmenters.classical.spare_core import Begin, when_asked
from segmenters.classical.view import Mask, View
from segmenters.classical.window import Cell, Point

SOURCES = ("tree", "colors", "contour", "cut", "near tree", "near contour", "near cut")
WIDE = ("tree", "colors", "contour")
"""Sources that look at the whole picture and cost little."""

NAMES = (*FEATURES, "life", "agreed", "agreed enough", "central * agreed", *SOURCES)
"""Names of what ``measured`` gives, in order."""

_NEAR_TREE = (0.3, 0.2)
_NEAR = 0.25  # of the picture's long side: what is seen from near
_NEAR_CELLS = 128 * 96
_RADII = (0.03, 0.06, 0.1, 0.16, 0.26, 0.42)  # of the grid's side
_NEAR_RADII = (0.06, 0.12, 0.22, 0.35)
_DISCS, _NEAR_DISCS = (0.08, 0.2), (0.2,)
_CUT_CELLS = 96 * 64
_DOT = 0.0185
_COMPARED = (160, 120)  # cells, (width, height)

Features = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """``mask``: HxW bool on the grid of ``view``. ``life``: how long a region lasted, 0 of other sources."""

    view: View
    mask: Mask
    source: str
    life: float = 0.0


def around(picture: Picture, click: Point, begin: Begin = when_asked) -> list[Hypothesis]:
    """What a positive click may mean; those of the whole picture come first."""
    lab, whole = picture.lab, picture.whole
    cuts = begin(partial(_cuts, whole, click, _DISCS, "cut"))
    near = View.around(lab, click, _NEAR * max(lab.shape[:2]), _NEAR_CELLS)
    near_cuts = begin(partial(_cuts, near, click, _NEAR_DISCS, "near cut"))
    far = wide(picture, click)
    close = [
        *_regions(near, Hierarchy.of(near.lab, near.strength, *_NEAR_TREE), click, "near tree"),
        *_contours(near, click, _NEAR_RADII, "near contour"),
    ]
    return [each for each in (*far, *cuts(), *close, *near_cuts()) if each.mask.any()]


def wide(picture: Picture, click: Point) -> list[Hypothesis]:
    """Those of the sources in ``WIDE``."""
    found = [
        *_regions(picture.whole, picture.trees["tree"], click, "tree"),
        *_regions(picture.whole, picture.trees["colors"], click, "colors"),
        *_contours(picture.whole, click, _RADII, "contour"),
    ]
    return [each for each in found if each.mask.any()]


def measured(found: Sequence[Hypothesis], click: Point) -> Features:
    """NxF: of each hypothesis its features, life, agreement with others, and source."""
    masks = [compared(each.view, each.mask) for each in found]
    agreed = agreements(masks, [each.source for each in found])
    rows = []
    for each, agreement in zip(found, agreed, strict=True):
        [cell] = each.view.window.cells([click])
        own = features(each.view, each.mask, cell)
        central = own[FEATURES.index("central")]
        sources = [float(each.source == source) for source in SOURCES]
        shared = (min(each.life, 1.0), agreement / 5, min(agreement, 3.0) / 3, central * agreement / 5)
        rows.append(np.concatenate([own, shared, sources]))
    return np.array(rows)


def compared(view: View, mask: Mask) -> Mask:
    """A mask over the whole picture, at the size where masks are compared."""
    (sx, sy), window, (width, height) = view.window.scale, view.window, view.image
    columns, rows = _COMPARED
    across, down = sx * width / columns, sy * height / rows
    place = np.array(
        [[across, 0, across / 2 - sx * window.left - 0.5], [0, down, down / 2 - sy * window.top - 0.5]],
        np.float32,
    )
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(
        mask.astype(np.uint8), place, _COMPARED, flags=flags, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(found > 0)


def _regions(view: View, tree: Hierarchy, click: Point, source: str) -> list[Hypothesis]:
    [(column, row)] = view.window.cells([click])
    return [Hypothesis(view, mask, source, life) for mask, life in tree.regions(column, row)]


def _contours(view: View, click: Point, radii: Sequence[float], source: str) -> list[Hypothesis]:
    (x, y), (sx, sy), window = click, view.window.scale, view.window
    place = ((x - window.left) * sx - 0.5, (y - window.top) * sy - 0.5)
    found = closed_contours(view.strength, *place, [radius * window.size for radius in radii])
    return [Hypothesis(view, mask, source) for mask in found]


def _cuts(view: View, click: Point, sizes: Sequence[float], source: str) -> list[Hypothesis]:
    """Cut at a coarse grid, and carried back to the view's own."""
    height, width = view.lab.shape[:2]
    scale = min(1.0, math.sqrt(_CUT_CELLS / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    lab = view.lab if scale == 1 else cv2.resize(view.lab, size, interpolation=cv2.INTER_AREA)
    [(column, row)] = view.window.cells([click])
    cell = (min(int(column * scale), size[0] - 1), min(int(row * scale), size[1] - 1))
    found = []
    for radius in sizes:
        mask = _cut(np.asarray(lab, np.uint8), cell, radius * math.sqrt(size[0] * size[1]))
        if scale < 1:
            wide = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
            mask = np.asarray(wide > 0.5)
        found.append(Hypothesis(view, mask, source))
    return found


def _cut(lab: NDArray[np.uint8], cell: Cell, radius: float) -> Mask:
    labels = np.full(lab.shape[:2], MAYBE_GROUND, np.uint8)
    grabcut.disc(labels, cell, radius, MAYBE_OBJECT)
    for line in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        line[...] = GROUND
    grabcut.disc(labels, cell, max(1.0, _DOT * math.sqrt(labels.size)), OBJECT)
    mask = grabcut.cut(lab, labels, 2)
    return grabcut.tidy(mask, [cell], [])
