"""Which of several places a key belongs to: rendezvous hashing, by highest random weight.

Every place draws a number for every key, and the largest number wins (Thaler and Ravishankar, "Using
name-based mappings to increase hit rates", 1998). So a place that goes leaves its keys to those that were
second, one that comes takes only those that it wins, and no other key moves. Shares differ only by chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

# The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): any changed bit changes half of the others.
_MIX = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_LAST = np.uint64(31)


class Rendezvous:
    """The places by name. The same names give the same answers in every process, in whatever order."""

    def __init__(self, places: Collection[str]) -> None:
        self._places = sorted(set(places))
        self._seeds = np.array([_hashed(place) for place in self._places], np.uint64)

    def first(self, key: str) -> str | None:
        """The place that the key belongs to, or None where there is no place."""
        if not self._places:
            return None
        return self._places[int(np.argmax(self._drawn(key)))]

    def _drawn(self, key: str) -> NDArray[np.uint64]:
        numbers = self._seeds ^ np.uint64(_hashed(key))
        for shift, factor in _MIX:
            numbers = (numbers ^ (numbers >> shift)) * factor
        drawn: NDArray[np.uint64] = numbers ^ (numbers >> _LAST)
        return drawn


def _hashed(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
