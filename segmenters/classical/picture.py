"""What the decoder knows of a picture: its colours, the view of the whole, and the two hierarchies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.boundaries import boundary_strength
from segmenters.classical.hierarchy import Hierarchy
from segmenters.classical.view import View
from segmenters.classical.window import Window
from values.embedding import Embedding

TREES = {"tree": (0.0, 0.1), "colors": (0.6, 0.25)}
"""Weight of colour and growth of each hierarchy."""


_CELLS = 256 * 192  # of the view of the whole


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """``lab``: HxWx3 uint8, the encoder's image. ``whole``: all of it in about ``_CELLS`` cells."""

    lab: NDArray[np.uint8]
    whole: View
    trees: dict[str, Hierarchy]

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the encoder's image."""
        height, width = self.lab.shape[:2]
        return height, width

    @property
    def pixels(self) -> Window:
        """All of the encoder's image, a cell for each pixel."""
        height, width = self.shape
        return Window(0, 0, width, height, width, height)

    @classmethod
    def of(cls, embedding: Embedding) -> Self:
        """What an embedding holds."""
        arrays = embedding.arrays
        lab, overview = (np.asarray(arrays[name], np.uint8) for name in ("lab", "overview"))
        height, width = lab.shape[:2]
        window = Window(0, 0, width, height, overview.shape[1], overview.shape[0])
        strength = np.asarray(arrays["strength"], np.float32) / np.float32(255)
        trees = {name: Hierarchy.from_arrays(arrays, name) for name in TREES}
        return cls(lab, View.of(window, overview, strength, (width, height)), trees)

    @staticmethod
    def arrays(lab: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
        """The arrays of an embedding of the encoder's image, HxWx3 uint8."""
        height, width = lab.shape[:2]
        scale = min(1.0, math.sqrt(_CELLS / (width * height)))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        overview = np.asarray(cv2.resize(lab, size, interpolation=cv2.INTER_AREA), np.uint8)
        strength = boundary_strength(overview)
        made: dict[str, NDArray[np.generic]] = {"lab": lab, "overview": overview}
        made["strength"] = np.asarray(np.rint(strength * 255), np.uint8)
        for name, weights in TREES.items():
            made |= Hierarchy.of(overview, strength, *weights).arrays(name)
        return made
