"""How much a mask looks like the thing that was clicked: features of it, and what they weigh.

The weights were fitted on pictures whose things are known (``benchmarks/classical``), so that the mask that
they rate best has the largest expected IoU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.view import Mask, View
from segmenters.classical.window import Cell

FEATURES = (
    "border", "gaps", "median", "inside", "busiest", "overlap", "step", "central", "depth", "solid", "size",
    "size2", "touch", "cut off", "compact", "filled", "parts",
    "border - inside", "border * (1 - overlap)", "central^3",
)  # fmt: skip
"""Names of what ``features`` gives, in order."""

_SQUARE = np.ones((3, 3), np.uint8)
_DEEP = 2.5  # cells from the border: what counts as inside
_NEAR = 3  # cells on either side of the border whose colours are compared
_RING = 0.25  # of the mask's typical side: the ring around it whose colours are compared
_WIDEST = 0.1  # of the grid's typical side
_STEP = 60.0  # a difference of colour beyond which more tells nothing


def features(view: View, mask: Mask, cell: Cell) -> NDArray[np.float64]:
    """Of a mask (HxW bool on the view's grid, not empty) and the cell that was clicked; see ``FEATURES``.

    * ``border``, ``gaps``, ``median``: mean, 20th percentile and median of the boundary strength along it;
    * ``inside``, ``busiest``: mean and 90th percentile of it inside;
    * ``overlap``: the Bhattacharyya coefficient of the colours inside and in a ring around;
    * ``step``: how far the mean colours on the two sides of the border are apart;
    * ``central``: the click's distance from the border, as a part of the largest one, which is ``depth``;
    * ``solid``: the area's part of its convex hull; ``compact``: 1 for a disc; ``filled``: the area's part of
      what the outline holds; ``parts``: their number;
    * ``size``: the logarithm of the part of the picture;
    * ``touch``: the part of the border that is the grid's edge, ``cut off``: where the picture goes on there.
    """
    part, where = _cropped(mask)
    seen = _Seen(view.strength[where], view.nearby[where], view.colors[where], view.bins[where])
    bits = part.astype(np.uint8)
    area, side = int(np.count_nonzero(bits)), math.sqrt(mask.size)
    depths = _depths(part)
    deep = depths > _DEEP
    edge = part & ~(cv2.erode(bits, _SQUARE, borderType=cv2.BORDER_CONSTANT, borderValue=1) > 0)
    along = seen.nearby[edge] if edge.any() else np.zeros(1, np.float32)
    within = seen.strength[deep if deep.any() else part]
    border, inside = float(along.mean()), float(within.mean())
    gaps, median = np.percentile(along, (20, 50))
    busiest = float(np.percentile(within, 90)) if deep.any() else 1.0
    overlap, step = _apart(seen, part, depths, area, side)
    depth = float(depths.max())
    central = float(depths[cell[1] - where[0].start, cell[0] - where[1].start]) / depth
    size = _size(view, area)
    touch, cut_off = _touching(view, mask, np.count_nonzero(edge))
    solid, compact, filled, parts = _shape(bits, area, np.count_nonzero(edge))
    return np.array([
        border, gaps, median, inside, busiest, overlap, step, central, depth / side, solid, size / 5,
        (size / 5) ** 2, touch, cut_off, compact, filled, min(parts, 4) / 4,
        border - inside, border * (1 - overlap), central**3,
    ])  # fmt: skip


class _Seen(NamedTuple):
    """What a view has where a mask is and around it."""

    strength: NDArray[np.float32]
    nearby: NDArray[np.float32]
    colors: NDArray[np.float32]
    bins: NDArray[np.int64]


def _cropped(mask: Mask) -> tuple[Mask, tuple[slice, slice]]:
    """The mask with as much around it as its features depend on, and where that is."""
    reach = math.ceil(_WIDEST * math.sqrt(mask.size)) + 4
    slices = []
    for axis in (1, 0):
        there = np.flatnonzero(mask.any(axis=axis))
        slices.append(slice(max(0, int(there[0]) - reach), int(there[-1]) + reach + 1))
    where = (slices[0], slices[1])
    return mask[where], where


def _apart(
    seen: _Seen, mask: Mask, depths: NDArray[np.float32], area: int, side: float
) -> tuple[float, float]:
    """How far the colours on the two sides overlap, and how far their means are apart."""
    reach = min(max(2, round(_RING * math.sqrt(area))), round(_WIDEST * side) + 2)
    bits = mask.astype(np.uint8)
    ring = (cv2.dilate(bits, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)) > 0) & ~mask
    count = np.count_nonzero(ring)
    if not count:
        return 1.0, 0.0
    here = np.bincount(seen.bins[mask], minlength=2048) / area
    around = np.bincount(seen.bins[ring], minlength=2048) / count
    near = (cv2.dilate(bits, np.ones((2 * _NEAR + 1, 2 * _NEAR + 1), np.uint8)) > 0) & ~mask
    sides = [seen.colors[part].mean(axis=0) for part in (mask & (depths <= _NEAR), near)]
    step = float(np.abs(sides[0] - sides[1]).sum())
    return float(np.sqrt(here * around).sum()), min(step, _STEP) / _STEP


def _size(view: View, area: int) -> float:
    """Logarithm of the part of the picture."""
    (sx, sy), (width, height) = view.window.scale, view.image
    return math.log(area / (sx * sy * width * height) + 1e-5)


def _touching(view: View, mask: Mask, border: int) -> tuple[float, float]:
    """The part of the border that lies on the grid's edge, and the part where the picture goes on there."""
    lines = [np.count_nonzero(line) for line in (mask[:, 0], mask[0], mask[:, -1], mask[-1])]
    whole = border + sum(lines) + 1
    cut = sum(line for line, own in zip(lines, view.sides(), strict=True) if not own)
    return sum(lines) / whole, cut / whole


def _shape(bits: NDArray[np.uint8], area: int, border: int) -> tuple[float, float, float, int]:
    outlines, _ = cv2.findContours(bits, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(outlines, key=cv2.contourArea)
    full = max(1.0, cv2.contourArea(largest))
    hull = max(1.0, cv2.contourArea(cv2.convexHull(largest)))
    solid = min(1.0, (full + 0.5 * border) / (hull + 0.5 * border))
    length = max(1.0, cv2.arcLength(largest, True))
    return solid, 4 * math.pi * full / length**2, min(1.2, area / full), len(outlines)


def deepest(mask: Mask) -> Cell:
    """The cell farthest inside."""
    depths = _depths(mask)
    row, column = np.unravel_index(int(np.argmax(depths)), depths.shape)
    return int(column), int(row)


def _depths(mask: Mask) -> NDArray[np.float32]:
    """Of each cell the distance to the border; beyond the grid nothing is on."""
    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1], np.float32)


def agreements(masks: Sequence[Mask], sources: Sequence[str]) -> NDArray[np.float64]:
    """For each mask, all of one shape, how many sources found nearly the same: a sum of squared IoUs."""
    bits = np.packbits(np.array([mask.ravel() for mask in masks]), axis=1)
    words = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8))).view(np.uint64)
    common = np.array([np.bitwise_count(words & each).sum(axis=1, dtype=np.int64) for each in words])
    areas = np.diagonal(common)
    squares = (common / np.maximum(1, areas[:, None] + areas - common)) ** 2
    np.fill_diagonal(squares, 0)
    names = np.array(sources)
    return np.asarray(sum(squares[:, names == name].max(axis=1) for name in sorted(set(sources))), np.float64)


@dataclass(frozen=True, slots=True)
class Rating:
    """``weights`` of features by name, in their order; ``base``, at which all of them are 0."""

    weights: dict[str, float]
    base: float = 0.0

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """N ratings of NxF features."""
        return np.asarray(rows @ np.array(list(self.weights.values())) + self.base, np.float64)
