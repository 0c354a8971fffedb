"""A mask for each thing that somebody asks to find."""

from __future__ import annotations

import asyncio
import time

from deployments.box_decoder import BoxDecoder
from deployments.calls.large_values import Reference
from deployments.decode_queue import DecodeQueue
from deployments.embedding_cache import EmbeddingCache
from deployments.found_tier import FoundTier
from finders.matches import Matches
from protocol.finding import Find, found_version
from protocol.picture_size import check_same_picture
from protocol.predictions import clamp
from values.box_masks import BoxMasks
from values.click_answer import ClickAnswer, Region
from values.embedding import Embedding
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
        waited = time.perf_counter() - started
        masks = await self._decoded(find, embedding, matches)
        seconds = {"embedding": waited, "decode": time.perf_counter() - started - waited}
        regions = [region for made in masks.regions for region in made]
        score = float(matches.scores.mean()) if regions else 0.0
        return ClickAnswer(regions, score, warm, seconds, masks.version, self._clicks.state)

    async def masks(
        self, key: str, find: Find, reference: Reference, left_s: float, priority: Priority
    ) -> BoxMasks:
        """The masks of all things on the image ``key`` that ``find`` asks for, the best first.

        The embedding takes no room in memory; what the detector saw does, since it takes the longest to make
        and a hundredth of the room: whoever had to leave before it was there finds it the next time. Raises
        what ``answer`` raises.
        """
        embedding, matches = await asyncio.gather(
            self._embeddings.use(key, find.image, reference, priority, left_s),
            self._found.matches(key, find, reference, priority, left_s),
        )
        return await self._decoded(find, embedding, matches)

    async def _decoded(self, find: Find, embedding: Embedding, matches: Matches) -> BoxMasks:
        """The masks of what matches; the score of each is that of its box."""
        size = embedding.width, embedding.height
        check_same_picture(find.size or size, size)
        scores = [clamp(score) for score in matches.scores]
        click = find.click(matches.boxes, matches.classes, size)
        regions: list[list[Region]] = []
        if click is not None:
            masks = await self._boxes.masks(embedding, click, self._version)
            for made, score in zip(masks.regions, scores, strict=True):
                regions.append([{**region, "score": score} for region in made])
        return BoxMasks(regions, scores, found_version(self._found.version, self._version))
