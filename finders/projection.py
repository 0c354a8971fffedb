"""Vectors of a detector in fewer numbers, so that products with a query stay about what they were."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from values.found import Found

Floats = NDArray[np.float32]

WIDTH = 128
"""Numbers of a projected vector, or as many as the vector itself has."""
MOST_STEPS = 127
"""Each of them is a whole number of steps, -127..127, and each vector has a step of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A basis of the directions in which the vectors of some images differ most. ``basis``: (D, W) float32.

    ``images``: of how many images these vectors were. A random basis of as many directions would lose more:
    what a network makes of pictures varies little in most directions. The mean is not taken off, so that
    products keep their meaning.
    """

    basis: Floats
    images: int

    @property
    def id(self) -> str:
        """Tells it from any other."""
        return f"{zlib.crc32(np.ascontiguousarray(self.basis).data):08x}"

    def of(self, vectors: NDArray[np.floating]) -> Floats:
        """(N, W) float32 of (N, D)."""
        return np.asarray(np.asarray(vectors, np.float32) @ self.basis, np.float32)


class Fitting:
    """Fits a projection to the vectors of images, of which it keeps none."""

    def __init__(self) -> None:
        self._products: NDArray[np.float64] | None = None
        self._images = 0

    def add(self, found: Found) -> None:
        """One more image."""
        self._images += 1
        if len(found):
            vectors = found.vectors.astype(np.float32)
            products = (vectors.T @ vectors).astype(np.float64)
            self._products = products if self._products is None else self._products + products

    @property
    def fitted(self) -> Projection | None:
        """The projection; None while there is no vector."""
        if self._products is None:
            return None
        _, directions = np.linalg.eigh(self._products)
        return Projection(np.asarray(directions[:, ::-1][:, :WIDTH], np.float32, order="C"), self._images)


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """Projected vectors in a byte a number. ``numbers``: (N, W) int8; ``steps``: (N,) float16."""

    numbers: NDArray[np.int8]
    steps: NDArray[np.float16]

    @classmethod
    def of(cls, projected: Floats) -> Self:
        """(N, W) float32 numbers, rounded to steps."""
        highest = np.abs(projected).max(1, initial=0.0)
        steps = np.maximum(highest / MOST_STEPS, np.finfo(np.float16).tiny).astype(np.float16)
        numbers = np.rint(projected / steps.astype(np.float32)[:, None])
        return cls(np.clip(numbers, -MOST_STEPS, MOST_STEPS).astype(np.int8), steps)
