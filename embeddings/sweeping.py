"""Keeping a place within its bounds: what is too old goes, then the oldest until the rest fits.

Any number of processes may sweep the same place at once: they choose the same embeddings, and one that is
already gone is no error.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import obstore

from embeddings.aside import aside
from embeddings.places import Folder, Place, is_object_name

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PAGE = 1000
_AT_ONCE = 16
_HOUR_S = 3600
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
    """Do all of :func:`sweep` and :func:`clear_leftovers`; how many embeddings were removed."""
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
    by_hour: dict[int, list[Kept]] = defaultdict(list)
    excess = -bounds.max_bytes
    async for kept in _all(store, timeout_s):
        by_hour[int(kept.written // _HOUR_S)].append(kept)
        excess += kept.nbytes
    doomed = _doomed(by_hour, excess, now - bounds.max_age_s)
    removed = 0
    failed: BaseException | None = None
    while batch := list(islice(doomed, _AT_ONCE)):
        removals = (_remove(store, kept.name, timeout_s) for kept in batch)
        results = await asyncio.gather(*removals, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        removed += sum(result is True for result in results)
        failed = failed or next(iter(errors), None)
        if len(errors) == len(batch):
            break  # so will the rest
    if failed is not None:
        raise failed
    return removed


def _doomed(by_hour: dict[int, list[Kept]], excess: int, oldest: float) -> Iterator[Kept]:
    # Sorted by the hour: all at once would hold up the event loop.
    for hour in sorted(by_hour):
        for kept in sorted(by_hour[hour]):
            if kept.written >= oldest and excess <= 0:
                return
            excess -= kept.nbytes
            yield kept


async def _all(store: ObjectStore, timeout_s: float) -> AsyncIterator[Kept]:
    pages = aiter(obstore.list(store, chunk_size=_PAGE))
    while True:
        async with asyncio.timeout(timeout_s):
            page = await anext(pages, None)
        if page is None:
            return
        for found in page:
            if is_object_name(found["path"]):
                yield Kept(found["last_modified"].timestamp(), found["path"], found["size"])


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
    return await aside(lambda: sum(_is_cleared(path, now) for path in _unfinished(folder)))


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
