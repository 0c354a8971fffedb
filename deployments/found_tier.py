"""What a detector saw in a decoder replica's images, kept beside their embeddings, and queried."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.bounded_cache import BoundedCache
from deployments.calls.call import call
from deployments.calls.large_values import Reference
from deployments.compute_threads import DECODING, behind_loops
from deployments.embedding_cache import EmbeddingCache
from deployments.embedding_maker import OTHER_VERSION_S
from deployments.metrics import Metrics
from finders.detector import Detector
from finders.matches import Matches, match
from finders.options import FinderOptions
from finders.queries import NOT_MEANT, Queries, example
from protocol.finding import Find
from values.errors import ModelError, OtherVersion
from values.found import Found, Malformed
from values.image import ImageSource
from values.priority import Priority

logger = logging.getLogger("ray.serve")

REMEMBERED = 4096
"""Phrases of which a decoder keeps the query, 2 kB each."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Finding:
    """What finds things: the detector, and how it is asked."""

    detector: Detector
    options: FinderOptions


class FoundTier:
    """Finds things on images, used from one event loop.

    ``finder``: the handle of the deployment. ``cache``: has what the detector saw in the images.
    """

    def __init__(self, finding: Finding, finder: Any, cache: EmbeddingCache, metrics: Metrics) -> None:
        self.version = finding.detector.version
        self.cache = cache
        self._options = finding.options
        self._finder = finder
        self._metrics = metrics
        self._queries = BoundedCache[Floats](REMEMBERED, 2**25, lambda query: query.nbytes)
        self._threads = behind_loops(1, "match", DECODING)

    async def matches(
        self, key: str, find: Find, reference: Reference, priority: Priority, left_s: float
    ) -> Matches:
        """The boxes of the image ``key`` that ``find`` asks for, the best first.

        Raises BadPrompt for what cannot be looked for, and what reading the image and seeing it raise.
        """
        if find.vectors is not None and find.vectors.finder != self.version:
            raise OtherVersion(f"examples of {find.vectors.finder} are not of {self.version}; try again")
        found, phrases = await asyncio.gather(
            self._found(key, find.image, reference, priority, left_s), self._vectors(find.phrases, left_s)
        )
        threshold = self._options.finder_threshold if find.threshold is None else find.threshold
        return await self._threads.run(_matched, found, phrases, find, threshold, self._options.find_limit)

    async def example(
        self,
        key: str,
        source: ImageSource,
        box: tuple[float, float, float, float],
        reference: Reference,
        priority: Priority,
        left_s: float,
    ) -> Floats:
        """(D,) the query for what is in ``box`` on an image; see ``finders.queries.example``."""
        found = await self._found(key, source, reference, priority, left_s)
        return await self._threads.run(example, found, box)

    async def ready(self) -> str:
        """A sentence, when a finder replica answers."""
        said: str = await self._finder.ready.remote()
        return said

    async def _found(
        self, key: str, source: ImageSource, reference: Reference, priority: Priority, left_s: float
    ) -> Found:
        for _ in range(2):
            kept = await self.cache.get(key, source, reference, priority, left_s)
            try:
                return await self._threads.run(Found.from_embedding, kept)
            except Malformed as error:
                # Of a former version of this code, or of somebody else who may write to the durable tier.
                logger.warning("what was found in an image is made again: %s", error)
                self._metrics.durable_problem("damaged")
                await self.cache.forget(key)
        raise ModelError(f"{self.version} gives what no detector gives; see the log of the decoder")

    async def _vectors(self, phrases: Sequence[str], left_s: float) -> list[Floats]:
        """The query of each phrase; those that are not remembered are asked for together."""
        known = {phrase: self._queries.get(phrase) for phrase in phrases}
        missing = [phrase for phrase, query in known.items() if query is None]
        if missing:
            vectors = await call(
                lambda: self._finder.vectors.remote(missing, self.version),
                timeout_s=left_s,
                what="reading a phrase",
                other_version_s=OTHER_VERSION_S,
            )
            for phrase, query in zip(missing, vectors, strict=True):
                own = np.array(query, np.float32)  # not a view of all of them
                known[phrase] = own
                self._queries.put(phrase, own)
        return [query for phrase in phrases if (query := known[phrase]) is not None]


def _matched(found: Found, phrases: Sequence[Floats], find: Find, threshold: float, limit: int) -> Matches:
    examples = [example(found, box) for box in find.examples]
    negatives = [example(found, box) for box in find.negatives]
    if find.vectors is not None:
        phrases, negatives = [*find.vectors.meant], [*negatives, *find.vectors.not_meant]
    classes = [*find.classes, *[0] * len(examples), *[NOT_MEANT] * len(negatives)]
    queries = Queries.of([*phrases, *examples, *negatives], classes)
    best = match(found, queries, threshold, find.regions)
    return Matches(best.boxes[:limit], best.scores[:limit], best.classes[:limit], best.places[:limit])
