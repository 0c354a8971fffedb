"""Windows: rectangles of the encoder's image under a working grid of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
Point = tuple[float, float]
Cell = tuple[int, int]

_LARGEST_ZOOM = 8.0


@dataclass(frozen=True, slots=True)
class Window:
    """``left``, ``top``, ``right``, ``bottom``: whole pixels of the encoder's image, the last two exclusive.

    ``width``, ``height``: cells of the grid laid over them.
    """

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int

    @classmethod
    def around(cls, box: Box, margin: float, image: tuple[int, int], cells: int) -> Window:
        """The window on ``box`` grown by ``margin`` of its long side, inside an image of (width, height).

        About ``cells`` cells whatever the aspect: the cost of a cut follows the number of cells. Small
        windows are enlarged, so that a border is smooth even on a small object.
        """
        x0, y0, x1, y1 = box
        grow = max(2.0, margin * max(x1 - x0, y1 - y0))
        left, right = _span(x0 - grow, x1 + grow, image[0])
        top, bottom = _span(y0 - grow, y1 + grow, image[1])
        zoom = min(_LARGEST_ZOOM, math.sqrt(cells / ((right - left) * (bottom - top))))
        width, height = max(1, round((right - left) * zoom)), max(1, round((bottom - top) * zoom))
        return cls(left, top, right, bottom, width, height)

    @property
    def scale(self) -> Point:
        """Cells per pixel in x and y."""
        return self.width / (self.right - self.left), self.height / (self.bottom - self.top)

    @property
    def size(self) -> float:
        """The typical side of the grid in cells, for radii that should not depend on the aspect."""
        return math.sqrt(self.width * self.height)

    def size_beside(self, grid: Window) -> float:
        """How many cells of this grid a cell of another one is wide."""
        return self.scale[0] / grid.scale[0]

    def view(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The window's part of an image (HxW or HxWx3 uint8), at the size of the grid; a fresh array."""
        part = image[self.top : self.bottom, self.left : self.right]
        shrinks = self.width <= part.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.array(cv2.resize(part, (self.width, self.height), interpolation=method), np.uint8)

    def cells(self, points: Iterable[Point]) -> list[Cell]:
        """(column, row) of each point of the encoder's image that is in the window."""
        sx, sy = self.scale
        return [
            (min(int((x - self.left) * sx), self.width - 1), min(int((y - self.top) * sy), self.height - 1))
            for x, y in points
            if self.left <= x < self.right and self.top <= y < self.bottom
        ]

    def rectangle(self, box: Box) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in cells of a box of the encoder's image; at least one cell."""
        sx, sy = self.scale
        left = min(max(0, round((box[0] - self.left) * sx)), self.width - 1)
        top = min(max(0, round((box[1] - self.top) * sy)), self.height - 1)
        right = min(max(left + 1, round((box[2] - self.left) * sx)), self.width)
        bottom = min(max(top + 1, round((box[3] - self.top) * sy)), self.height)
        return left, top, right, bottom

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """HxW: the cells of a box of the encoder's image; at least one."""
        left, top, right, bottom = self.rectangle(box)
        cells = np.zeros((self.height, self.width), np.bool_)
        cells[top:bottom, left:right] = True
        return cells

    def seen(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A mask of the encoder's image on this grid."""
        return np.asarray(self.view(mask.astype(np.uint8) * 255) > 127)

    def extent(self, mask: NDArray[np.bool_]) -> Box:
        """The box, in pixels of the encoder's image, around the cells that are on; at least one must be."""
        sx, sy = self.scale
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return (
            self.left + float(columns[0]) / sx,
            self.top + float(rows[0]) / sy,
            self.left + float(columns[-1] + 1) / sx,
            self.top + float(rows[-1] + 1) / sy,
        )

    def taken(self, mask: NDArray[np.bool_], grid: Window) -> NDArray[np.bool_]:
        """What ``mask`` on another ``grid`` says about each cell of this one; beyond it goes on as at its
        edge."""
        (gx, gy), (sx, sy) = grid.scale, self.scale
        across, down = gx / sx, gy / sy
        place = np.array(
            [
                [across, 0, (self.left - grid.left) * gx + across / 2 - 0.5],
                [0, down, (self.top - grid.top) * gy + down / 2 - 0.5],
            ],
            np.float32,
        )
        soft = cv2.warpAffine(
            mask.astype(np.float32),
            place,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(soft > 0.5)

    def shown(self, mask: NDArray[np.bool_], grid: Window) -> NDArray[np.bool_]:
        """A mask on another ``grid`` on this one; nothing beyond that grid is on."""
        canvas = np.zeros((max(self.bottom, grid.bottom), max(self.right, grid.right)), np.float32)
        grid.paint(mask.astype(np.float32), canvas)
        return self.seen(canvas > 0.5)

    def paint(self, values: NDArray[np.float32], canvas: NDArray[np.float32]) -> None:
        """Lay the grid's values over the window's part of ``canvas``, the size of the encoder's image."""
        width, height = self.right - self.left, self.bottom - self.top
        method = cv2.INTER_AREA if width <= self.width else cv2.INTER_LINEAR
        part = canvas[self.top : self.bottom, self.left : self.right]
        part[...] = cv2.resize(values, (width, height), interpolation=method)


def _span(low: float, high: float, limit: int) -> tuple[int, int]:
    """Whole pixels of 0..limit that cover low..high; at least one."""
    start = min(max(0, math.floor(low)), limit - 1)
    return start, min(max(start + 1, math.ceil(high)), limit)
