"""What a detector might have found in generated images, whose vectors have a structure that is stated.

Real detectors' weights are not at hand everywhere. Here a thing's kind decides most of its vector, each thing
of a kind and each box around it differ a little, and everything has a direction in common, as the vectors of
trained networks do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from values.found import MOST, Found

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FoundThings:
    """Images with ``things`` each, out of ``kinds``.

    ``decay``: the variance in the i-th direction goes with i to the power of -``decay``: 1 is what embeddings
    of trained networks are about; with 0 no direction is worth more than another, which no network does.
    ``kind``, ``thing``, ``box``: how much of a vector each decides. ``dimensions``: of a vector.
    """

    dimensions: int = 512
    kinds: int = 400
    things: int = 8
    decay: float = 1.0
    kind: float = 1.0
    thing: float = 0.6
    box: float = 0.25
    finder: str = "made_up-00000000"
    seed: int = 7
    _spread: Floats = field(init=False, repr=False)
    _kinds: Floats = field(init=False, repr=False)
    _common: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        variances = np.arange(1, self.dimensions + 1, dtype=np.float64) ** -self.decay
        rotation, _ = np.linalg.qr(random.normal(size=(self.dimensions, self.dimensions)))
        spread = np.sqrt(variances / variances.sum())[:, None] * rotation
        made = {
            "_spread": spread.astype(np.float32),
            "_kinds": random.normal(size=(self.kinds, self.dimensions)).astype(np.float32),
            "_common": rotation[0].astype(np.float32),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def images(self, count: int, seed: int = 0) -> Iterator[Found]:
        """So many of them; the same ones for the same ``seed``."""
        random = np.random.default_rng([self.seed, seed])
        for _ in range(count):
            yield self._image(random)

    def phrase(self, kind: int, apart: float = 0.9) -> Floats:
        """(D,) of length 1: the query of a phrase that names a kind of things.

        ``apart``: how much of its length, 0..1, has nothing to do with the kind, as in trained networks texts
        are apart from pictures. Half of that all phrases have in common; it goes in any direction, also in
        those in which pictures hardly differ.
        """
        random = np.random.default_rng([self.seed, self.kinds])
        common = _unit(random.normal(size=self.dimensions))
        own = _unit(np.random.default_rng([self.seed, kind]).normal(size=self.dimensions))
        shown = _unit(self._kinds[kind] @ self._spread + self._common)
        return np.asarray(_unit(np.sqrt(1 - apart**2) * shown + apart * _unit(common + own)), np.float32)

    def _image(self, random: np.random.Generator) -> Found:
        kinds = random.integers(0, self.kinds, self.things)
        things = self.kind * self._kinds[kinds]
        things = things + self.thing * random.normal(size=things.shape)
        of_boxes = random.integers(0, self.things, MOST)
        numbers = things[of_boxes] + self.box * random.normal(size=(MOST, self.dimensions))
        vectors = numbers.astype(np.float32) @ self._spread + self._common
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Found(
            boxes=_boxes(random, of_boxes, self.things),
            objectness=np.sort(random.normal(size=MOST).astype(np.float32))[::-1].copy(),
            vectors=vectors.astype(np.float16),
            shift=random.normal(-0.3, 0.02, MOST).astype(np.float32),
            scale=random.normal(15, 1, MOST).astype(np.float32),
            finder=self.finder,
            width=960,
            height=720,
            input_width=960,
            input_height=720,
            evidence="generated",
        )


def _unit(vector: NDArray[np.floating]) -> NDArray[np.floating]:
    return vector / np.linalg.norm(vector)


def _boxes(random: np.random.Generator, of_boxes: NDArray[np.intp], things: int) -> Floats:
    """Boxes around things, which are anywhere; those of one thing differ by some tenths of its size."""
    middles, sizes = random.uniform(0.2, 0.8, (things, 2)), random.uniform(0.05, 0.3, (things, 2))
    shaken = random.normal(0, 0.1, (len(of_boxes), 2, 2))
    middle = middles[of_boxes] + shaken[:, 0] * sizes[of_boxes]
    size = sizes[of_boxes] * np.exp(shaken[:, 1])
    edges = np.clip(np.concatenate([middle - size / 2, middle + size / 2], 1), 0, 1)
    edges[:, 2:] = np.maximum(edges[:, 2:], edges[:, :2] + 1e-3)
    return np.asarray(np.clip(edges, 0, 1), np.float32)
