"""What was put last, bounded by its number and by the memory that it takes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class BoundedCache(Generic[V]):
    """At most ``most`` values by name, which together take ``max_bytes``; ``size`` tells what one takes.

    What was put longest ago goes first.
    """

    def __init__(self, most: int, max_bytes: int, size: Callable[[V], int]) -> None:
        self._most = most
        self._max_bytes = max_bytes
        self._size = size
        self._kept: OrderedDict[str, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def put(self, name: str, value: V) -> None:
        """Keep a value in place of the one of that name."""
        self.drop(name)
        size = self._size(value)
        self._kept[name] = value, size
        self._bytes += size
        while len(self._kept) > self._most or self._bytes > self._max_bytes:
            self._bytes -= self._kept.popitem(last=False)[1][1]

    def drop(self, name: str) -> None:
        """Let go of a value, if it is there."""
        self._bytes -= self._kept.pop(name, (None, 0))[1]

    def get(self, name: str) -> V | None:
        """The value of that name, or None."""
        found = self._kept.get(name)
        return None if found is None else found[0]

    def items(self) -> list[tuple[str, V]]:
        """All names and values, the oldest first."""
        return [(name, value) for name, (value, _) in self._kept.items()]
