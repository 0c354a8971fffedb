"""The masks of many boxes on one image, decoded behind all clicks: a few at a time, and while no click is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from deployments.compute_threads import DECODING, behind_loops
from deployments.decode_queue import DecodeQueue
from embeddings.memory import exact
from protocol.click import Click
from protocol.controls import Output
from protocol.options import RegionOptions
from protocol.regions import encode
from segmenters.candidates import ranked
from segmenters.resample import to_mask
from values.box_masks import BoxMasks
from values.click_answer import Region
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt

T = TypeVar("T")

PATIENCE_S = 0.5
"""For so long a box waits for a moment without a click. Then it has its turn: under constant clicks boxes get
a tenth of the time, and neither stop nor come first."""

DecodeMany = Callable[[Embedding, Sequence[Prompt]], Iterator[Masks]]


class BoxDecoder:
    """Decodes boxes while ``clicks`` has none, and makes regions of their masks in as many threads as clicks
    have. Used from one event loop.

    ``decode``: what the model makes of prompts on one image, in order, computed as it is asked for.
    """

    def __init__(self, decode: DecodeMany, regions: RegionOptions, clicks: DecodeQueue, threads: int) -> None:
        self._decode = decode
        self._regions = regions
        self._clicks = clicks
        self._turns = asyncio.Semaphore(threads)
        self._threads = behind_loops(threads, "decode-boxes", DECODING + 1)

    async def masks(self, embedding: Embedding, click: Click, version: str) -> BoxMasks:
        """The masks that the prompts of ``click`` ask for, one for each. Raises what decoding raises."""
        whole = await self.behind(exact, embedding)
        decoded = self._decode(whole, click.prompts)
        made: list[asyncio.Future[tuple[list[Region], float]]] = []
        try:
            for output, prompt in zip(click.outputs, click.prompts, strict=True):
                masks = await self.behind(next, decoded)
                made.append(asyncio.ensure_future(self.behind(self._region, masks, click, output, prompt)))
            found = await asyncio.gather(*made)
        finally:
            for each in made:
                each.cancel()
        return BoxMasks([regions for regions, _ in found], [score for _, score in found], version)

    async def behind(self, function: Callable[..., T], *args: Any) -> T:
        """``function(*args)`` in a thread, while no click is decoded; or after ``PATIENCE_S``."""
        async with self._turns:
            await self._clicks.idle(PATIENCE_S)
            return await self._threads.run(function, *args)

    def _region(
        self, masks: Masks, click: Click, output: Output, prompt: Prompt
    ) -> tuple[list[Region], float]:
        logits, score = ranked(masks)[0]
        mask = to_mask(logits, masks.frame, click.width, click.height)
        return encode(mask, score, click, self._regions, output, prompt), score
