"""What is kept of a project's images in the durable tier, and the index by which it is searched."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from concurrency.threads import Threads
from embeddings.durable import DurableTier
from embeddings.options import DurableOptions
from finders.matches import Likeness, likeness
from finders.projection import Fitting, Projection
from finders.queries import Queries
from finders.search_index import SearchIndex
from serve_app.cli.search.project_images import ProjectImages, hexes
from values.embedding import Embedding
from values.found import Found, Malformed

logger = logging.getLogger("ray.serve")
T = TypeVar("T")

PARTS = "0123456789abcdef"
"""An index is kept in so many parts, by the first digit of the images' keys: a part is written anew where it
has another image, and may have 256 MiB, some 450,000 images in all."""
FITTED = 500
"""Images whose vectors tell enough of what the others' are like."""
GROWN = 4
"""A projection of fewer images is fitted anew once there are so many times as many."""
READ_FIRST, READ_MOST = 4, 8
"""Images that are looked at closely, times those that are asked for."""

_FORMAT = "1"
"""Changes whenever older indexes stop being readable, or are of less use."""
_AT_ONCE = 16
_SEARCHING = Threads(2, "search")

Match = tuple[str, Likeness]
Tell = Callable[[int, int], None]


class FoundStore:
    """What the detector ``finder`` saw in the images of one project, used from one event loop.

    ``owner``: names the project and its Label Studio. ``closely``: how many images a search looked at.
    """

    def __init__(self, options: DurableOptions, finder: str, owner: str) -> None:
        self._maker = f"{finder}-search{_FORMAT}"
        self._found = DurableTier(options, finder)
        # An index is kept as an embedding is, and so is bounded, swept and checked like one.
        self._kept = DurableTier(options, self._maker)
        self._owner = owner
        self.closely = 0

    async def found(self, key: str) -> Found | None:
        """What was seen in an image; None where nothing is kept of it that can be read."""
        return await self._read(self._found, key, Found.from_embedding)

    async def images(self) -> ProjectImages | None:
        """The project's images as they were listed last."""
        return await self._read(self._kept, self._name("images"), ProjectImages.from_embedding)

    async def keep_images(self, images: ProjectImages) -> None:
        """Keep them for the next search."""
        await self._kept.put(self._name("images"), images.as_embedding(self._maker))

    async def index(
        self, wanted: Mapping[str, int], tell: Tell, *, rebuild: bool = False
    ) -> tuple[SearchIndex, Projection] | None:
        """The index of the images ``wanted``, with their stamps, brought up to date; None of no box at all.

        What is new is read, what is gone is dropped. ``tell`` is told how many of how many were read.
        ``rebuild``: read everything again.
        """
        projection = None if rebuild else await self._projection()
        grown = projection is not None and len(wanted) >= GROWN * projection.images < FITTED
        if projection is None or grown:
            projection = await self._fitted(sorted(wanted)[:FITTED])
            if projection is None:
                return None
            await self._kept.put(self._name("projection"), _kept_projection(projection, self._maker))
            rebuild = True
        parts = [None] * len(PARTS) if rebuild else await asyncio.gather(*map(self._part, PARTS))
        made = []
        fresh = _Fresh(wanted, projection, parts)
        for digit, (kept, missing) in zip(PARTS, fresh.parts, strict=True):
            some = [kept]
            async for key, found in self._each(missing):
                some.append(await _SEARCHING.run(SearchIndex.of, key, wanted[key], found, projection))
                fresh.read += 1
                tell(fresh.read, fresh.total)
            part = SearchIndex.joined(some)
            if len(some) > 1 or len(kept) != fresh.lengths[digit]:
                await self._kept.put(self._name(digit), part.as_embedding(self._maker))
            made.append(part)
        return SearchIndex.joined(made), projection

    async def closest(
        self,
        index: SearchIndex,
        projection: Projection,
        queries: Queries,
        top: int,
        left_out: Collection[str] = (),
    ) -> list[Match]:
        """The ``top`` images that are most like what is asked for, the best first.

        The index says which to look at closely: ``READ_FIRST`` times ``top``, and then those of the rest that
        might be among the best if the index errs of them as it did of the others, up to ``READ_MOST`` times.
        """
        about = await _SEARCHING.run(index.logits, queries, projection)
        keys = hexes(index.keys)
        order = [
            place
            for place in np.argsort(-about, kind="stable")[: READ_MOST * top + len(left_out)].tolist()
            if np.isfinite(about[place]) and keys[place] not in left_out
        ][: READ_MOST * top]
        first, rest = order[: READ_FIRST * top], order[READ_FIRST * top :]
        matches = await self._looked_at([keys[place] for place in first], queries)
        if rest and len(matches) >= top:
            logits = {key: match.logit for key, match in matches}
            errors = [abs(logits[keys[each]] - about[each]) for each in first if keys[each] in logits]
            least = sorted(logits.values())[-top] - max(errors)
            matches += await self._looked_at([keys[each] for each in rest if about[each] >= least], queries)
        return sorted(matches, key=lambda match: -match[1].logit)[:top]

    async def _looked_at(self, keys: Sequence[str], queries: Queries) -> list[Match]:
        matches: list[Match] = []

        def look(kept: Embedding) -> Likeness | None:
            return likeness(Found.from_embedding(kept), queries)

        for some in _in_turn(keys):
            found = await asyncio.gather(*(self._read(self._found, key, look) for key in some))
            self.closely += len(some)
            matches += [(key, each) for key, each in zip(some, found, strict=True) if each is not None]
        return matches

    async def _each(self, keys: Sequence[str]) -> AsyncIterator[tuple[str, Found]]:
        for some in _in_turn(keys):
            for key, found in zip(some, await asyncio.gather(*map(self.found, some)), strict=True):
                if found is not None:
                    yield key, found

    async def _fitted(self, keys: Sequence[str]) -> Projection | None:
        fitting = Fitting()
        async for _, found in self._each(keys):
            await _SEARCHING.run(fitting.add, found)
        return await _SEARCHING.run(lambda: fitting.fitted)

    async def _projection(self) -> Projection | None:
        return await self._read(self._kept, self._name("projection"), _projection_of)

    async def _part(self, digit: str) -> SearchIndex | None:
        return await self._read(self._kept, self._name(digit), SearchIndex.from_embedding)

    async def _read(self, tier: DurableTier, key: str, made: Callable[[Embedding], T]) -> T | None:
        kept = await tier.get(key)
        try:
            return None if kept is None else await _SEARCHING.run(made, kept)
        except (Malformed, ValueError) as error:
            # Of a former version of this code, or of somebody else who may write to the durable tier.
            logger.warning("what is kept of an image or a project is not used: %s", error)
            return None

    def _name(self, of: str) -> str:
        return hashlib.sha256(f"{self._owner}|{of}".encode()).hexdigest()[:40]


class _Fresh:
    """What of the parts of an index is still right, and what is missing of ``wanted``."""

    def __init__(
        self, wanted: Mapping[str, int], projection: Projection, parts: Sequence[SearchIndex | None]
    ) -> None:
        missing = {digit: dict[str, None]() for digit in PARTS}
        for key in wanted:
            missing[key[0]][key] = None
        self.read = 0
        self.lengths: dict[str, int] = {}
        self.parts: list[tuple[SearchIndex, list[str]]] = []
        for digit, part in zip(PARTS, parts, strict=True):
            usable = part is not None and part.projection == projection.id
            known = part if part is not None and usable else SearchIndex.empty(projection)
            # One that is not right at all is written anew, also where nothing takes its place.
            self.lengths[digit] = len(known) if usable or part is None else -1
            rows = zip(hexes(known.keys), known.stamps.tolist(), strict=True)
            right = np.array([wanted.get(key) == stamp for key, stamp in rows], bool)
            kept = known.only(right)
            for key in hexes(kept.keys):
                missing[digit].pop(key, None)
            self.parts.append((kept, list(missing[digit])))
        self.total = sum(len(keys) for _, keys in self.parts)


def _in_turn(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]


def _kept_projection(projection: Projection, maker: str) -> Embedding:
    return Embedding({"basis": projection.basis}, maker, 1, 1, 1, 1, evidence=str(projection.images))


def _projection_of(kept: Embedding) -> Projection:
    basis = kept.arrays.get("basis")
    if basis is None or basis.dtype != np.float32 or basis.ndim != 2 or not np.isfinite(basis).all():
        raise Malformed("it is no basis")
    return Projection(np.asarray(basis, np.float32), int(kept.evidence))
