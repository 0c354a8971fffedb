"""Merges the cells of a picture pair by pair, those with the weakest boundary between them first."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.boundaries import LIGHTNESS

Numbers = NDArray[np.uint16]
Levels = NDArray[np.float32]

_BLOCK = 6  # cells: side of the blocks of which each gives one leaf
_APART = 400.0  # squared difference in colour at which two regions are half apart


def basins(lab: NDArray[np.uint8], strength: NDArray[np.float32]) -> NDArray[np.int32]:
    """HxW int32 from 0: the basins around the weakest boundary in each block of cells."""
    height, width = strength.shape
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    padded = np.full((rows * _BLOCK, columns * _BLOCK), np.inf, np.float32)
    padded[:height, :width] = strength
    blocks = padded.reshape(rows, _BLOCK, columns, _BLOCK).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    weakest = blocks.argmin(axis=2)
    y = (np.arange(rows)[:, None] * _BLOCK + weakest // _BLOCK).ravel()
    x = (np.arange(columns)[None] * _BLOCK + weakest % _BLOCK).ravel()
    # OpenCV leaves the outermost cells without a basin.
    markers = np.zeros((height + 2, width + 2), np.int32)
    markers[y + 1, x + 1] = np.arange(1, rows * columns + 1)
    light = cv2.GaussianBlur(lab[..., 0], (0, 0), 0.8)
    seen = np.dstack([(strength * 255).astype(np.uint8), light, lab[..., 1]])
    cv2.watershed(cv2.copyMakeBorder(seen, 1, 1, 1, 1, cv2.BORDER_REPLICATE), markers)
    basins = markers[1:-1, 1:-1].astype(np.float32)
    while (lines := basins <= 0).any():
        basins = np.where(lines, cv2.dilate(basins, np.ones((3, 3), np.uint8)), basins)
    _, dense = np.unique(basins.astype(np.int32), return_inverse=True)
    return np.asarray(dense.reshape(height, width), np.int32)


class Merging:
    """Regions by number; those that are merged get the next number."""

    def __init__(
        self,
        leaves: NDArray[np.int32],
        lab: NDArray[np.uint8],
        strength: NDArray[np.float32],
        color: float,
        growth: float,
    ) -> None:
        self._leaves, self._color, self._growth = leaves, color, growth
        self._count = count = int(leaves.max()) + 1
        flat = leaves.ravel()
        areas = np.bincount(flat, minlength=count)
        sums = [np.bincount(flat, lab[..., channel].ravel(), count) for channel in range(3)]
        colors = np.stack(sums, axis=1) / areas[:, None] * [LIGHTNESS, 1, 1]
        self._areas: list[float] = areas.tolist()
        self._colors: list[list[float]] = colors.tolist()
        self._typical = leaves.size / count
        # Of each region: its neighbours, and of each the sum of the strength between them, and the length.
        self._near = _neighbors(leaves, strength, count)
        self._children: list[tuple[int, int]] = []
        self._levels: list[float] = []

    def run(self) -> None:
        """Merge the pair that costs least, until one region is left."""
        heap: list[tuple[float, int, int]] = []
        for region, near in enumerate(self._near):
            lower = {neighbor: border for neighbor, border in near.items() if neighbor < region}
            heap += self._costs(region, lower)
        heapq.heapify(heap)
        level = 0.0
        while len(self._children) < self._count - 1:
            cost, one, other = heapq.heappop(heap)
            if self._near[one] and self._near[other]:
                level = max(level, cost)
                self._levels.append(level)
                for pair in self._join(one, other):
                    heapq.heappush(heap, pair)

    def _costs(self, region: int, near: Mapping[int, tuple[float, int]]) -> list[tuple[float, int, int]]:
        """What merging ``region`` with each of its neighbours costs, and the pair."""
        # Two of three steps of a hierarchy are made here, a hundred thousand times: nothing is called.
        areas, colors, weight = self._areas, self._colors, self._color
        area, (light, red, yellow) = areas[region], colors[region]
        typical, growth = self._typical, self._growth
        found = []
        for neighbor, (strength, length) in near.items():
            p, q, r = colors[neighbor]
            p, q, r = p - light, q - red, r - yellow
            difference = p * p + q * q + r * r
            apart = strength / length + weight * difference / (difference + _APART)
            its = areas[neighbor]
            smaller = its if its < area else area
            found.append((apart * (smaller / typical) ** growth, neighbor, region))
        return found

    def _join(self, one: int, other: int) -> list[tuple[float, int, int]]:
        """Merge two regions; what merging the new one with each of its neighbours costs."""
        new, (a, b) = len(self._areas), (self._areas[one], self._areas[other])
        self._children.append((one, other))
        self._areas.append(a + b)
        pairs = zip(self._colors[one], self._colors[other], strict=True)
        self._colors.append([(p * a + q * b) / (a + b) for p, q in pairs])
        few, near = sorted((self._near[one], self._near[other]), key=len)
        near.pop(one, None)
        near.pop(other, None)
        for neighbor, (more, longer) in few.items():
            if neighbor not in (one, other):
                strength, length = near.get(neighbor, (0.0, 0))
                near[neighbor] = (strength + more, length + longer)
        self._near[one] = self._near[other] = {}
        self._near.append(near)
        for neighbor, border in near.items():
            its = self._near[neighbor]
            its.pop(one, None)
            its.pop(other, None)
            its[new] = border
        return self._costs(new, near)

    def numbered(self) -> tuple[Numbers, Numbers, Numbers, Numbers, Levels, Levels]:
        """All regions, their leaves numbered depth first.

        The fields of ``segmenters.classical.hierarchy.Hierarchy``, in order.
        """
        count, total = self._count, self._count + len(self._children)
        parent, height, made = np.arange(total), np.zeros(total, np.float32), np.zeros(total, np.float32)
        sizes = np.ones(total, np.int64)
        for new, ((one, other), level) in enumerate(zip(self._children, self._levels, strict=True), count):
            parent[[one, other]] = new
            height[[one, other]] = made[new] = level
            sizes[new] = sizes[one] + sizes[other]
        height[-1] = made[-1]
        first = np.zeros(total, np.int64)
        for new in range(total - 1, count - 1, -1):
            one, other = self._children[new - count]
            first[one], first[other] = first[new], first[new] + sizes[one]
        numbers = np.concatenate([first[:count], np.arange(count, total)])
        order = np.argsort(numbers)
        return (
            first[:count][self._leaves].astype(np.uint16),
            first[order].astype(np.uint16),
            (first + sizes - 1)[order].astype(np.uint16),
            numbers[parent][order].astype(np.uint16),
            height[order],
            made[order],
        )


def _neighbors(
    leaves: NDArray[np.int32], strength: NDArray[np.float32], count: int
) -> list[dict[int, tuple[float, int]]]:
    codes, values = [], []
    for one, other in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        a, b = leaves[one], leaves[other]
        apart = a != b
        codes.append((np.minimum(a, b).astype(np.int64) * count + np.maximum(a, b))[apart])
        values.append(np.maximum(strength[one], strength[other])[apart])
    pairs, inverse = np.unique(np.concatenate(codes), return_inverse=True)
    sums, lengths = np.bincount(inverse, np.concatenate(values)), np.bincount(inverse)
    near: list[dict[int, tuple[float, int]]] = [{} for _ in range(count)]
    for pair, total, length in zip(pairs.tolist(), sums.tolist(), lengths.tolist(), strict=True):
        low, high = divmod(pair, count)
        near[low][high] = near[high][low] = (total, length)
    return near
