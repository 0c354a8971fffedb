"""The memory tier: the least recently used leave when the bytes run out. And in which precision it keeps."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from values.embedding import Embedding

T = TypeVar("T", bound=Embedding | NDArray[np.float32])

Precision = Literal["float32", "float16"]
_LARGEST = float(np.finfo(np.float16).max)


class MemoryTier(Generic[T]):
    """Embeddings by image key, or other arrays by name, at most ``max_bytes`` together.

    Bytes are those that keeping a value holds: of a view, all of the memory that it looks at, so callers keep
    copies. What is larger than the whole tier is not kept. Not thread-safe: one event loop owns it, or a
    lock.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self.evicted = 0
        """How many have left so far because it was full."""
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def get(self, key: str) -> T | None:
        """What is kept under ``key``, now the most recently used, or None."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def recent(self) -> list[str]:
        """All keys, the most recently used first."""
        return list(reversed(self._kept))

    def has_room(self, value: T) -> bool:
        """Whether the value can be kept without letting go of another."""
        return self.nbytes + held(value) <= self.max_bytes

    def put(self, key: str, value: T) -> None:
        """Keep the value, and let go of the least recently used ones over the limit."""
        self.drop(key)
        size = held(value)
        if size > self.max_bytes:
            return
        self._kept[key] = value, size
        self.nbytes += size
        while self.nbytes > self.max_bytes:
            self.drop(next(iter(self._kept)))
            self.evicted += 1

    def drop(self, key: str) -> bool:
        """Let go of what is kept under ``key``; whether there was anything."""
        if key not in self._kept:
            return False
        self.nbytes -= self._kept.pop(key)[1]
        return True

    def drop_all(self, prefix: str) -> None:
        """Let go of all whose keys begin with ``prefix``. Looks at every key that is kept."""
        for key in [key for key in self._kept if key.startswith(prefix)]:
            self.drop(key)


def held(value: Embedding | NDArray[np.generic]) -> int:
    """Bytes that stay in memory for as long as the value does: more than its own where an array is a view."""
    arrays = value.arrays.values() if isinstance(value, Embedding) else (value,)
    return sum(dict(map(_owner, arrays)).values())


def _owner(array: NDArray[np.generic]) -> tuple[int, int]:
    """What owns the array's memory, as an id, and its bytes."""
    owner: object = array
    size = array.nbytes
    while (
        behind := owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    ) is not None:
        owner = behind
        size = max(size, _nbytes(owner))
    return id(owner), size


def _nbytes(owner: object) -> int:
    try:
        return memoryview(owner).nbytes  # type: ignore[arg-type]
    except (TypeError, ValueError):  # memory of another library, which does not tell
        return 0


def owned(embedding: Embedding, precision: Precision) -> Embedding:
    """The embedding in memory of our own, its float32 arrays as ``precision``.

    What comes from an encoder are views of Ray's object store: kept, they would fill it. An array with values
    that float16 cannot hold stays as it is.
    """
    arrays = {name: _rounded(array, precision) for name, array in embedding.arrays.items()}
    return replace(embedding, arrays=arrays)


def exact(embedding: Embedding) -> Embedding:
    """The embedding as decoders take it: float16 arrays as float32; others are not copied."""
    arrays = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in embedding.arrays.items()
    }
    return replace(embedding, arrays=arrays)


def _rounded(array: NDArray[np.generic], precision: Precision) -> NDArray[np.generic]:
    if precision == "float16" and array.dtype == np.float32 and bool((np.abs(array) <= _LARGEST).all()):
        return array.astype(np.float16)
    return array.copy()
