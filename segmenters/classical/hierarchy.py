"""A hierarchy of regions: the picture's cells merged pair by pair, until one region is left.

What a click may mean is among the regions that hold it. Ultrametric contour maps (Arbeláez 2006) merge the
pair with the weakest boundary between them first; here the difference of the colours counts as well, and the
size of the smaller region.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from segmenters.classical.merging import Merging, basins

_SIZE_STEP = 0.25  # in the logarithm of areas: of regions of one size the one that lasts longest is enough

_NUMBERS, _LEVELS = ("leaves", "first", "last", "parent"), ("height", "made")
_FINE = 4096  # steps of a level that are kept: whole numbers stay what they are in every tier


@dataclass(frozen=True, slots=True, eq=False)
class Hierarchy:
    """``leaves``: HxW uint16, the leaf of each cell, numbered so that every region is a range of leaves.

    Of each region: ``first`` and ``last`` leaf (inclusive), ``parent`` (the root's is the root), all uint16;
    ``made`` and ``height``, float32, the levels at which it comes into being and at which it merges. The
    leaves come first, in order; the root is the last.
    """

    leaves: NDArray[np.uint16]
    first: NDArray[np.uint16]
    last: NDArray[np.uint16]
    parent: NDArray[np.uint16]
    height: NDArray[np.float32]
    made: NDArray[np.float32]

    @classmethod
    def of(cls, lab: NDArray[np.uint8], strength: NDArray[np.float32], color: float, growth: float) -> Self:
        """Of HxWx3 uint8 Lab and its boundary strength.

        ``color``: what a difference of colour weighs beside a boundary. ``growth``: the power of the smaller
        region's size; small regions merge early.
        """
        merging = Merging(basins(lab, strength), lab, strength, color, growth)
        merging.run()
        return cls(*merging.numbered())

    def arrays(self, name: str) -> dict[str, NDArray[np.generic]]:
        """Plain uint16 arrays, each under ``name`` and a word of its own; levels are rounded a little."""
        numbers = {field: getattr(self, field) for field in _NUMBERS}
        levels = {field: np.rint(getattr(self, field) * _FINE) for field in _LEVELS}
        kept = {
            field: np.minimum(level, np.iinfo(np.uint16).max).astype(np.uint16)
            for field, level in levels.items()
        }
        return {f"{name}_{field}": array for field, array in (numbers | kept).items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], name: str) -> Self:
        """What ``arrays`` were made of."""
        leaves, first, last, parent = (np.asarray(arrays[f"{name}_{field}"], np.uint16) for field in _NUMBERS)
        height, made = (
            np.asarray(arrays[f"{name}_{field}"], np.float32) / np.float32(_FINE) for field in _LEVELS
        )
        return cls(leaves, first, last, parent, height, made)

    def mask(self, region: int) -> NDArray[np.bool_]:
        """HxW bool: the cells of a region."""
        return np.asarray((self.leaves >= self.first[region]) & (self.leaves <= self.last[region]))

    def regions(self, column: int, row: int) -> list[tuple[NDArray[np.bool_], float]]:
        """(mask, how long it lasts) of the regions that hold a cell, one for each size, the root left out."""
        areas = np.cumsum(np.bincount(self.leaves.ravel(), minlength=int(self.last[-1]) + 1))
        found: dict[int, tuple[float, int]] = {}
        region = int(self.leaves[row, column])
        while (parent := int(self.parent[region])) != region:
            first, last = int(self.first[region]), int(self.last[region])
            area = int(areas[last]) - (int(areas[first - 1]) if first else 0)
            size, life = int(math.log(area) / _SIZE_STEP), float(self.height[region] - self.made[region])
            if size not in found or life > found[size][0]:
                found[size] = (life, region)
            region = parent
        return [(self.mask(region), life) for life, region in found.values()]

    def mostly(
        self, inside: NDArray[np.bool_], share: float, quantiles: Sequence[float]
    ) -> list[NDArray[np.bool_]]:
        """At each quantile of the levels, HxW bool: the regions of which a ``share`` at least is inside."""
        count = int(self.last[-1]) + 1
        if len(self.parent) == count:
            return []
        flat = self.leaves.ravel()
        sizes = np.append(0, np.cumsum(np.bincount(flat, minlength=count)))
        insides = np.append(0, np.cumsum(np.bincount(flat[inside.ravel()], minlength=count)))
        first, last = self.first.astype(np.int64), self.last.astype(np.int64)
        chosen = insides[last + 1] - insides[first] > share * (sizes[last + 1] - sizes[first])
        found = []
        for level in np.quantile(self.made[count:], quantiles):
            there = np.zeros(count, np.bool_)
            for region in np.flatnonzero(chosen & (self.made <= level) & (self.height > level)):
                there[first[region] : last[region] + 1] = True
            found.append(there[self.leaves])
        return found
