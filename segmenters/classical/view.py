"""A part of the picture as the classical segmenter looks at it: colours and boundary strength on one grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.boundaries import LIGHTNESS, boundary_strength
from segmenters.classical.window import Point, Window

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """``lab``: HxWx3 uint8 and ``strength``: HxW float32, colours and boundary strength in ``window``.

    ``nearby``: the largest strength among a cell and its neighbours, as a border is rarely right to the cell.
    ``colors``: HxWx3 float32 on a scale where distances compare. ``bins``: HxW int16 in 0..2047, coarse
    colours. ``image``: (width, height) of the encoder's image.
    """

    window: Window
    lab: NDArray[np.uint8]
    strength: NDArray[np.float32]
    nearby: NDArray[np.float32]
    colors: NDArray[np.float32]
    bins: NDArray[np.int64]
    image: tuple[int, int]

    @classmethod
    def of(
        cls, window: Window, lab: NDArray[np.uint8], strength: NDArray[np.float32], image: tuple[int, int]
    ) -> Self:
        """The view through a window, of what is seen there."""
        bins = (lab[..., 0] >> 5).astype(np.int64) * 256 + (lab[..., 1] >> 4) * 16 + (lab[..., 2] >> 4)
        colors = lab.astype(np.float32) * np.array([LIGHTNESS, 1, 1], np.float32)
        nearby = cv2.dilate(strength, np.ones((3, 3), np.uint8))
        return cls(window, lab, strength, np.asarray(nearby, np.float32), colors, bins, image)

    @classmethod
    def around(cls, lab: NDArray[np.uint8], point: Point, side: float, cells: int) -> Self:
        """A square of ``side`` pixels around a point of ``lab``, the encoder's image, in ``cells`` or so."""
        height, width = lab.shape[:2]
        (x, y), half = point, side / 2
        window = Window.around((x - half, y - half, x + half, y + half), 0, (width, height), cells)
        seen = window.view(lab)
        return cls.of(window, seen, boundary_strength(seen), (width, height))

    def sides(self) -> tuple[bool, bool, bool, bool]:
        """Which sides (left, top, right, bottom) are the image's own."""
        width, height = self.image
        window = self.window
        return window.left <= 0, window.top <= 0, window.right >= width, window.bottom >= height
