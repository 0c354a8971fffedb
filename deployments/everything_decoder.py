"""Everything in a picture, decoded behind all clicks: a click of the grid at a time, and gone on with later.

A grid takes up to minutes, and longer where annotators click. So what is found is kept for a while when
whoever asked has to leave before all is done: asking again goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from embeddings.memory import exact
from protocol.everything import WholePicture
from protocol.options import RegionOptions
from protocol.regions import encode
from segmenters.automatic.filters import Filters
from segmenters.automatic.generator import MaskGenerator
from values.box_masks import BoxMasks
from values.click_answer import Region
from values.embedding import Embedding
from values.errors import DeadlineExceeded
from values.masks import Masks
from values.prompt import Prompt

KEPT = 8
"""Pictures of which is kept what was found so far, some megabytes each."""

MARGIN_S = 3.0
"""So long before nobody waits any more it is said that it is not done: the answer has to be read in time."""

DecodeAll = Callable[[Embedding, Iterable[Prompt]], Iterator[Masks]]
Behind = Callable[..., Coroutine[Any, Any, Any]]

_ENDED = object()


@dataclass(eq=False)
class _Search:
    """A picture in work. ``regions``: of each mask of the generator, in order, as far as they are made.

    ``turn``: of the one who goes on with it. ``step``: what runs in a thread, also when they have left.
    """

    generator: MaskGenerator
    regions: list[list[Region]] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    step: asyncio.Task[Any] | None = None

    async def go_on(self, behind: Behind, work: Iterator[None]) -> bool:
        """Do one step; whether there was one. Raises what it raises."""
        if self.step is not None and not self.step.done():
            await asyncio.wait({self.step})
        self.step = asyncio.ensure_future(behind(next, work, _ENDED))
        self.step.add_done_callback(lambda step: step.cancelled() or step.exception())
        return await asyncio.shield(self.step) is not _ENDED

    def answer(self, version: str) -> BoxMasks:
        """What was found: masks of which no region was made are too small for their control."""
        pairs = zip(self.generator.masks, self.regions, strict=True)
        made = [(regions, mask.score) for mask, regions in pairs if regions]
        return BoxMasks([regions for regions, _ in made], [score for _, score in made], version)


class EverythingDecoder:
    """Looks for everything in pictures. Used from one event loop.

    ``decode``: what the model makes of prompts on one image, in order, computed as it is asked for.
    ``behind``: runs a function in a thread when no click is decoded.
    """

    def __init__(
        self,
        decode: DecodeAll,
        regions: RegionOptions,
        filters: Filters,
        behind: Behind,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._decode = decode
        self._regions = regions
        self._filters = filters
        self._behind = behind
        self._clock = clock
        self._kept = OrderedDict[str, _Search]()

    async def masks(
        self, key: str, embedding: Embedding, picture: WholePicture, points: int, until: float
    ) -> BoxMasks:
        """The masks of a grid of so many ``points`` along each side, the best first.

        ``key``: of the image. ``until``: nobody waits after that time of the clock. Raises DeadlineExceeded
        where more is left to do then, and what decoding raises.
        """
        name = f"{key} {embedding.evidence} {points} {picture.item_index} {picture.output}"
        search = self._search(name, embedding, points)
        late = until - MARGIN_S
        try:
            async with asyncio.timeout(max(0.0, late - self._clock())):
                await search.turn.acquire()
        except TimeoutError:
            raise _not_done(search) from None
        try:
            work = self._work(search, embedding, picture)
            while await search.go_on(self._behind, work):
                if self._clock() >= late:
                    raise _not_done(search)
        finally:
            search.turn.release()
        self._kept.pop(name, None)
        return search.answer(embedding.segmenter)

    def _search(self, name: str, embedding: Embedding, points: int) -> _Search:
        search = self._kept.pop(name, None)
        if search is None:
            search = _Search(MaskGenerator(embedding.width, embedding.height, points, self._filters))
        self._kept[name] = search
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return search

    def _work(self, search: _Search, embedding: Embedding, picture: WholePicture) -> Iterator[None]:
        """All that is left to do, in short steps."""
        generator, (width, height) = search.generator, (embedding.width, embedding.height)
        yield from generator.steps(partial(self._decode, exact(embedding)))
        for found in generator.masks[len(search.regions) :]:
            prompt = generator.prompt(found.point)
            click = picture.click(prompt, width, height)
            mask = found.mask(width, height)
            search.regions.append(encode(mask, found.score, click, self._regions, picture.output, prompt))
            yield


def _not_done(search: _Search) -> DeadlineExceeded:
    generator = search.generator
    return DeadlineExceeded(
        f"{generator.done} of the grid's {len(generator.points)} points are done; ask again to go on, or lay "
        "a coarser grid"
    )
