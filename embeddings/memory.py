"""The memory tier: the least recently used leave when the bytes run out."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows how many bytes it takes: an embedding, an array."""

    @property
    def nbytes(self) -> int:
        """Bytes of all its arrays."""


T = TypeVar("T", bound=Sized)


class MemoryTier(Generic[T]):
    """Embeddings by image key, or other arrays by name, at most ``max_bytes`` together.

    What is larger than the whole tier is not kept. Not thread-safe: one event loop owns it, or a lock.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._kept: OrderedDict[str, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: str) -> bool:
        return key in self._kept

    def get(self, key: str) -> T | None:
        """What is kept under ``key``, now the most recently used, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: str, value: T) -> None:
        """Keep the value, and let go of the least recently used ones over the limit."""
        self.drop(key)
        if value.nbytes > self.max_bytes:
            return
        self._kept[key] = value
        self.nbytes += value.nbytes
        while self.nbytes > self.max_bytes:
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> bool:
        """Let go of what is kept under ``key``; whether there was anything."""
        found = self._kept.pop(key, None)
        if found is not None:
            self.nbytes -= found.nbytes
        return found is not None

    def drop_all(self, prefix: str) -> None:
        """Let go of all whose keys begin with ``prefix``. Looks at every key that is kept."""
        for key in [key for key in self._kept if key.startswith(prefix)]:
            self.drop(key)
