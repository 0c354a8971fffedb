"""An index of what a detector saw in many images: it tells which of them are worth a close look.

Of each image it has up to ``BOXES`` boxes of different things, without their places: the vectors projected to
few numbers, and what turns a product with a query into a logit. That is some 9 kB where ``Found`` has 310.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from finders.projection import WIDTH, Projection, Stepped
from finders.queries import NOT_MEANT, Queries
from values.embedding import Embedding
from values.found import Found, Malformed

Floats = NDArray[np.float32]

BOXES = 64
"""Of an image, those that most look like an object."""
ALIKE = 0.7
"""From this intersection over union on, a box adds nothing to one that looks more like an object."""

_KEY = 20
_AT_ONCE = 2**14
"""Vectors that are float32 at the same time: 8 MiB, which stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchIndex:
    """What is kept of N images, of which B boxes in all.

    ``keys``: (N, 20) uint8, the image keys. ``stamps``: (N,) uint64, which tell what was kept of an image
    from what is kept of it later. ``counts``: (N,) uint16 boxes of each. ``numbers``: (B, W) int8 and
    ``steps``: (B,) float16, see ``Stepped``. ``shift``, ``scale``: (B,) float16, as ``Found`` has them.
    ``projection``: the id of what projected the vectors.
    """

    keys: NDArray[np.uint8]
    stamps: NDArray[np.uint64]
    counts: NDArray[np.uint16]
    numbers: NDArray[np.int8]
    steps: NDArray[np.float16]
    shift: NDArray[np.float16]
    scale: NDArray[np.float16]
    projection: str

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def empty(cls, projection: Projection) -> Self:
        """Of no image."""
        none = np.zeros(0, np.float16)
        return cls(
            np.zeros((0, _KEY), np.uint8),
            np.zeros(0, np.uint64),
            np.zeros(0, np.uint16),
            np.zeros((0, projection.basis.shape[1]), np.int8),
            *(none, none, none),
            projection.id,
        )

    @classmethod
    def of(cls, key: str, stamp: int, found: Found, projection: Projection) -> Self:
        """Of the image ``key``, 40 hex digits."""
        places = different(found.boxes)
        stepped = Stepped.of(projection.of(found.vectors[places]))
        return cls(
            np.frombuffer(bytes.fromhex(key), np.uint8)[None],
            np.array([stamp], np.uint64),
            np.array([len(places)], np.uint16),
            stepped.numbers,
            stepped.steps,
            _half(found.shift[places]),
            _half(found.scale[places]),
            projection.id,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All images of several with the same projection, of at least one."""
        arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _KINDS}
        return cls(**arrays, projection=parts[0].projection)

    def only(self, wanted: NDArray[np.bool_]) -> Self:
        """Of the images with True in ``wanted``: (N,)."""
        of_boxes = np.repeat(wanted, self.counts)
        arrays = {name: getattr(self, name)[wanted if name in _OF_IMAGES else of_boxes] for name in _KINDS}
        return replace(self, **arrays)

    def logits(self, queries: Queries, projection: Projection) -> Floats:
        """(N,): about the best logit of what is asked for in each image; -inf where nothing in it is meant.

        Boxes at which a query of what is not meant has the largest logit do not count. Raises ``ValueError``
        for another projection than that of the index.
        """
        if projection.id != self.projection:
            raise ValueError("the index was made with another projection")
        projected = projection.of(queries.directions).T
        meant = queries.classes != NOT_MEANT
        boxes = np.empty(len(self.numbers), np.float32)
        for start in range(0, len(boxes), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            products = (self.numbers[some].astype(np.float32) @ projected) * self.steps[some, None]
            all_of_them = (products + self.shift[some, None]) * self.scale[some, None]
            best = all_of_them[:, meant].max(1)
            if not meant.all():
                best[all_of_them[:, ~meant].max(1) > best] = -np.inf
            boxes[some] = best
        made = np.full(len(self), -np.inf, np.float32)
        some_boxes = self.counts > 0
        if some_boxes.any():
            ends = np.cumsum(self.counts[some_boxes], dtype=np.intp)
            made[some_boxes] = np.maximum.reduceat(boxes, np.concatenate([[0], ends[:-1]]))
        return made

    def as_embedding(self, maker: str) -> Embedding:
        """The same as an embedding by ``maker``, whose durable tier keeps and sweeps it like any other."""
        arrays = {name: _as_kept(getattr(self, name)) for name in _KINDS}
        return Embedding(arrays, maker, 1, 1, 1, 1, evidence=self.projection)

    @classmethod
    def from_embedding(cls, kept: Embedding) -> Self:
        """What ``as_embedding`` was made of. Raises Malformed for anything else."""
        if set(kept.arrays) != set(_KINDS):
            raise Malformed(f"it has the arrays {', '.join(sorted(kept.arrays))[:80]}")
        try:
            arrays: dict[str, Any] = {name: _as_used(name, kept.arrays[name]) for name in _KINDS}
            index = cls(**arrays, projection=kept.evidence)
        except (ValueError, TypeError) as error:
            raise Malformed("its arrays are not those of an index") from error
        images, boxes = len(index.keys), int(index.counts.sum(dtype=np.int64))
        fits = all(
            getattr(index, name).shape[:1] == ((images,) if name in _OF_IMAGES else (boxes,))
            for name in _KINDS
        )
        if not (fits and index.keys.shape == (images, _KEY) and index.numbers.shape[1:] <= (WIDTH,)):
            raise Malformed("its arrays do not fit each other")
        return index


_OF_IMAGES = ("keys", "stamps", "counts")
_KINDS = {
    "keys": np.uint8,
    "stamps": np.uint64,
    "counts": np.uint16,
    "numbers": np.int8,
    "steps": np.float16,
    "shift": np.float16,
    "scale": np.float16,
}


def different(boxes: Floats) -> NDArray[np.intp]:
    """The first ``BOXES`` of (N, 4) boxes that no earlier one of them overlaps by ``ALIKE`` or more.

    Of a large thing a detector keeps dozens of boxes, which would leave no place for small ones.
    """
    left, top, right, bottom = np.ascontiguousarray(boxes.T)
    areas = (right - left) * (bottom - top)
    alive, chosen = np.ones(len(boxes), bool), []
    for place in range(len(boxes)):
        if not alive[place]:
            continue
        chosen.append(place)
        if len(chosen) == BOXES:
            break
        across = np.minimum(right, right[place]) - np.maximum(left, left[place])
        down = np.minimum(bottom, bottom[place]) - np.maximum(top, top[place])
        common = np.maximum(across, 0) * np.maximum(down, 0)
        alive &= common < ALIKE * (areas + areas[place] - common)
    return np.array(chosen, np.intp)


def _half(values: Floats) -> NDArray[np.float16]:
    most = np.finfo(np.float16).max
    return np.clip(values, -most, most).astype(np.float16)


def _as_kept(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """Of a type that embeddings may have."""
    if array.dtype == np.uint64:
        return np.ascontiguousarray(array).view(np.uint8).reshape(len(array), 8)
    return array.view(np.uint8) if array.dtype == np.int8 else array


def _as_used(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    kind = np.dtype(_KINDS[name])
    if array.dtype == kind:
        return array
    if array.dtype != np.uint8:
        raise TypeError(name)
    viewed = np.ascontiguousarray(array).view(kind)
    return viewed.reshape(len(array)) if kind == np.uint64 else viewed
