"""Keeping a place within its bounds: what is too old goes, then the oldest until the rest fits.

A place may hold a hundred million embeddings, so what is remembered of it is bounded (``embeddings.ages``),
and it is listed by prefix, which are the two digits that its folders are named by, several at once. It is
listed twice where more have to go than are known by name, and rarely more often. Several processes that sweep
at once choose the same embeddings, and one that is already gone is no error.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore

from embeddings.ages import Ages, Kept, Window
from embeddings.durable_location import Folder, Place, is_object_name
from embeddings.leftovers import GoOn, always, clear_leftovers

if TYPE_CHECKING:
    from obstore.store import ObjectStore

LISTS_AT_ONCE = 8
"""Prefixes that are listed at once: a bucket takes about as long for a page as for eight."""

_PAGE = 250
_AT_ONCE = 16
_PREFIX = re.compile(r"[^/]+/[0-9a-f]{2}/?")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes all embeddings of a place may have together, and how many seconds old one may be."""

    max_bytes: int
    max_age_s: float


async def sweep_place(
    place: Place, store: ObjectStore, bounds: Bounds, now: float, timeout_s: float, go_on: GoOn = always
) -> int:
    """Do all of ``sweep`` and ``clear_leftovers``; how many embeddings were removed."""
    removed = await sweep(store, bounds, now, timeout_s, go_on)
    if isinstance(place, Folder):
        await clear_leftovers(place.path, now, go_on)
    return removed


async def sweep(
    store: ObjectStore, bounds: Bounds, now: float, timeout_s: float, go_on: GoOn = always
) -> int:
    """Remove the embeddings that are out of ``bounds``; how many those were.

    Lists the whole place, so call it rarely. Nothing but embeddings is counted or removed. ``now``: seconds
    since the epoch. ``timeout_s``: longest wait for a page of the list, and for a removal. Raises an error of
    obstore or TimeoutError, after it removed what it could, and what ``go_on`` raises.
    """
    removing = _Removing(store, timeout_s, go_on)
    window: Window | None = Window(now - bounds.max_age_s, now)
    while window is not None:
        before, ages, start = removing.removed, Ages(window), window.start

        async def look(page: list[Kept], ages: Ages = ages, start: float = start) -> None:
            await removing.remove([kept.name for kept in page if kept.written < start])
            ages.see([kept for kept in page if kept.written >= start])
            await go_on()

        await _each_page(store, timeout_s, look)
        doomed, enough = ages.over(bounds.max_bytes)
        narrowed = None if enough else ages.narrowed(bounds.max_bytes)
        if narrowed is None:
            await removing.remove(doomed)
        if enough or (narrowed is None and removing.removed == before):
            break
        window = narrowed or window
    if removing.failed is not None:
        raise removing.failed
    return removing.removed


class _Removing:
    """Removes embeddings, a few at a time. ``removed``: how many. ``failed``: the first error, if any.

    Raises where as many in a row as are removed at once all fail: so would the rest.
    """

    def __init__(self, store: ObjectStore, timeout_s: float, go_on: GoOn) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._go_on = go_on
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
            await self._go_on()

    def _count(self, result: bool | BaseException) -> None:
        if not isinstance(result, BaseException):
            self.removed += result
            self._in_a_row = 0
            return
        self.failed = self.failed or result
        self._in_a_row += 1
        if self._in_a_row >= _AT_ONCE:
            raise self.failed


async def _each_page(
    store: ObjectStore, timeout_s: float, look: Callable[[list[Kept]], Awaitable[None]]
) -> None:
    """Have ``look`` look at all embeddings, in pages. Raises the first error of a page or of ``look``."""
    prefixes = iter(await _prefixes(store, timeout_s))

    async def work() -> None:
        for prefix in prefixes:
            async for page in _pages(store, prefix, timeout_s):
                await look(page)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(LISTS_AT_ONCE):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


async def _prefixes(store: ObjectStore, timeout_s: float) -> list[str]:
    """The folders of embeddings: at most 256 for each model that ever served."""
    async with asyncio.timeout(timeout_s):
        models = (await obstore.list_with_delimiter_async(store))["common_prefixes"]
    found: list[str] = []
    for model in models:
        async with asyncio.timeout(timeout_s):
            found += (await obstore.list_with_delimiter_async(store, model))["common_prefixes"]
    return [prefix for prefix in found if _PREFIX.fullmatch(prefix)]


async def _pages(store: ObjectStore, prefix: str, timeout_s: float) -> AsyncIterator[list[Kept]]:
    """The embeddings there, so many at a time that the event loop is not held up by them."""
    pages = aiter(obstore.list(store, prefix, chunk_size=_PAGE))
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
