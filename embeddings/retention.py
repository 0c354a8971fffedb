"""Keeping a place within its bounds: what is too old goes, then the oldest until the rest fits.

A place may hold millions of embeddings, so what is remembered of it is bounded: the oldest few, and how many
bytes there are. Where more than those few have to go, the place is listed again. Any number of processes may
sweep the same place at once: they choose the same embeddings, and one that is already gone is no error.
"""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import obstore

from concurrency.abandonable import run_abandonable
from embeddings.durable_location import Folder, Place, is_object_name

if TYPE_CHECKING:
    from obstore.store import ObjectStore

OLDEST = 4096
"""Embeddings remembered at once, at some 300 bytes each; sorting more would hold up the event loop."""

_PAGE = 250
_AT_ONCE = 16
_LEFTOVER_S = 86_400
# What obstore calls a file while it writes it.
_UNFINISHED = re.compile(r"(.+\.safetensors)#\d+")


class Kept(NamedTuple):
    """One embedding in a place. ``written``: seconds since the epoch. ``nbytes``: its size."""

    written: float
    name: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes all embeddings of a place may have together, and how many seconds old one may be."""

    max_bytes: int
    max_age_s: float


async def sweep_place(place: Place, store: ObjectStore, bounds: Bounds, now: float, timeout_s: float) -> int:
    """Do all of ``sweep`` and ``clear_leftovers``; how many embeddings were removed."""
    removed = await sweep(store, bounds, now, timeout_s)
    if isinstance(place, Folder):
        await clear_leftovers(place.path, now)
    return removed


async def sweep(store: ObjectStore, bounds: Bounds, now: float, timeout_s: float) -> int:
    """Remove the embeddings that are out of ``bounds``; how many those were.

    Lists the whole place, so call it rarely. Nothing but embeddings is counted or removed. ``now``: seconds
    since the epoch. ``timeout_s``: longest wait for a page of the list, and for a removal. Raises an error of
    obstore or TimeoutError, after it removed what it could.
    """
    removing, too_old = _Removing(store, timeout_s), now - bounds.max_age_s
    while True:
        before, oldest = removing.removed, _Oldest(OLDEST)
        async for page in _pages(store, timeout_s):
            await removing.remove([kept.name for kept in page if kept.written < too_old])
            oldest.see([kept for kept in page if kept.written >= too_old])
        doomed, enough = oldest.over(bounds.max_bytes)
        await removing.remove(doomed)
        if enough or removing.removed == before:
            break
    if removing.failed is not None:
        raise removing.failed
    return removing.removed


class _Oldest:
    """The oldest of all embeddings that were seen, at most ``limit``, and the bytes of all."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._nbytes = 0
        # By (-written, name): the first is the one that makes room for an older one.
        self._heap: list[tuple[float, str, int]] = []

    def see(self, found: Sequence[Kept]) -> None:
        """Count these, and remember those that are among the oldest."""
        for kept in found:
            self._nbytes += kept.nbytes
            entry = (-kept.written, kept.name, kept.nbytes)
            if len(self._heap) < self._limit:
                heapq.heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapq.heapreplace(self._heap, entry)

    def over(self, max_bytes: int) -> tuple[list[str], bool]:
        """The names of those that go so that the rest has ``max_bytes``, and whether they are enough."""
        doomed: list[str] = []
        excess = self._nbytes - max_bytes
        for _, name, nbytes in sorted(self._heap, reverse=True):
            if excess <= 0:
                break
            excess -= nbytes
            doomed.append(name)
        return doomed, excess <= 0


class _Removing:
    """Removes embeddings, a few at a time. ``removed``: how many. ``failed``: the first error, if any.

    Raises where as many in a row as are removed at once all fail: so would the rest.
    """

    def __init__(self, store: ObjectStore, timeout_s: float) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._in_a_row = 0
        self.removed = 0
        self.failed: BaseException | None = None

    async def remove(self, names: Sequence[str]) -> None:
        """Remove these."""
        for start in range(0, len(names), _AT_ONCE):
            removals = (
                _remove(self._store, name, self._timeout_s) for name in names[start : start + _AT_ONCE]
            )
            for result in await asyncio.gather(*removals, return_exceptions=True):
                self._count(result)

    def _count(self, result: bool | BaseException) -> None:
        if not isinstance(result, BaseException):
            self.removed += result
            self._in_a_row = 0
            return
        self.failed = self.failed or result
        self._in_a_row += 1
        if self._in_a_row >= _AT_ONCE:
            raise self.failed


async def _pages(store: ObjectStore, timeout_s: float) -> AsyncIterator[list[Kept]]:
    """All embeddings, so many at a time that the event loop is not held up by them."""
    pages = aiter(obstore.list(store, chunk_size=_PAGE))
    while True:
        async with asyncio.timeout(timeout_s):
            page = await anext(pages, None)
        if page is None:
            return
        yield [
            Kept(found["last_modified"].timestamp(), found["path"], found["size"])
            for found in page
            if is_object_name(found["path"])
        ]


async def _remove(store: ObjectStore, name: str, timeout_s: float) -> bool:
    """Whether it was still there."""
    try:
        async with asyncio.timeout(timeout_s):
            await obstore.delete_async(store, name)
    except FileNotFoundError:
        return False
    return True


async def clear_leftovers(folder: Path, now: float) -> int:
    """Remove what writers that were killed left in a folder a day ago or longer; how many files.

    In buckets there is nothing of the kind: an object is there as a whole or not at all. Raises OSError.
    """
    return await run_abandonable(
        lambda: sum(_is_cleared(path, now) for path in _unfinished(folder)), "clearing leftovers"
    )


def _unfinished(folder: Path) -> Iterator[Path]:
    for path in folder.glob("*/??/*.safetensors#*"):
        named = _UNFINISHED.fullmatch(path.relative_to(folder).as_posix())
        if named is not None and is_object_name(named[1]):
            yield path


def _is_cleared(path: Path, now: float) -> bool:
    try:
        if now - path.stat().st_mtime < _LEFTOVER_S:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True
