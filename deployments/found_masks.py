"""A mask for each thing that somebody asks to find."""

from __future__ import annotations

import asyncio
import time

from deployments.box_decoder import BoxDecoder
from deployments.calls.large_values import Reference
from deployments.decode_queue import DecodeQueue
from deployments.embedding_cache import EmbeddingCache
from deployments.found_tier import FoundTier
from protocol.finding import Find
from protocol.picture_size import check_same_picture
from protocol.predictions import clamp
from values.click_answer import ClickAnswer, Region
from values.priority import Priority


class FoundMasks:
    """Boxes by a detector, masks by the segmenter ``version``, from its ``embeddings``.

    ``clicks``: the queue behind which masks are decoded.
    """

    def __init__(
        self,
        found: FoundTier,
        embeddings: EmbeddingCache,
        boxes: BoxDecoder,
        version: str,
        clicks: DecodeQueue,
    ) -> None:
        self._found = found
        self._embeddings = embeddings
        self._boxes = boxes
        self._version = version
        self._clicks = clicks

    async def answer(self, key: str, find: Find, reference: Reference, left_s: float) -> ClickAnswer:
        """The regions of all things on the image ``key`` that ``find`` asks for, the best first.

        The score of each is that of its box. Raises BadPrompt for what cannot be looked for, ImageDiffers
        where an example was drawn on a picture of another shape, and what reading the image and both models
        raise.
        """
        started = time.perf_counter()
        warm = key in self._embeddings
        embedding, matches = await asyncio.gather(
            self._embeddings.get(key, find.image, reference, Priority.CLICK, left_s),
            self._found.matches(key, find, reference, Priority.CLICK, left_s),
        )
        size = embedding.width, embedding.height
        check_same_picture(find.size or size, size)
        waited = time.perf_counter() - started
        click = find.click(matches.boxes, matches.classes, size)
        regions: list[Region] = []
        if click is not None:
            masks = await self._boxes.masks(embedding, click, self._version)
            for made, score in zip(masks.regions, matches.scores, strict=True):
                regions += [{**region, "score": clamp(score)} for region in made]
        seconds = {"embedding": waited, "decode": time.perf_counter() - started - waited}
        score = float(matches.scores.mean()) if regions else 0.0
        version = f"{self._found.version}+{self._version}"
        return ClickAnswer(regions, score, warm, seconds, version, self._clicks.state)
