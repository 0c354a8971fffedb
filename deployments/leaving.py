"""What a decoder that is stopped has in memory goes to those who own the images from then on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable

from deployments.calls.neighbours import Neighbours
from embeddings.memory import MemoryTier
from values.embedding import Embedding

logger = logging.getLogger("ray.serve")

LEAVE_S = 10.0
"""For so long it may take: part of the time after which Serve ends a replica that does not end
(``serve_app.app.surviving``)."""

FORGOTTEN_S = 60.0
"""For so long after an image was forgotten nobody's embedding of it is taken in: one who leaves is not told
to forget any more."""


class LatelyForgotten:
    """Names of images that were forgotten in the last ``FORGOTTEN_S``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._when = OrderedDict[str, float]()

    def __contains__(self, key: str) -> bool:
        return self._clock() - self._when.get(key, float("-inf")) <= FORGOTTEN_S

    def add(self, key: str) -> None:
        """It is forgotten now."""
        self._when[key] = self._clock()
        self._when.move_to_end(key)
        while (oldest := next(iter(self._when))) not in self:
            del self._when[oldest]


async def leave(memory: MemoryTier[Embedding], neighbours: Neighbours) -> int:
    """Hand over what is in ``memory``, the most recently used first; how many embeddings were taken.

    Those who stay have together the room of one decoder less. So each takes of its share what was used last,
    if need be in place of what it has not used for longest, and the rest only where it has room.
    """
    shares = defaultdict[str, list[str]](list)
    for key in memory.recent():
        if (heir := neighbours.heir(key)) is not None:
            shares[heir].append(key)
    taken = 0

    async def give(heir: str, keys: list[str]) -> None:
        nonlocal taken
        most = len(keys) * len(shares) // (len(shares) + 1)
        for place, key in enumerate(keys):
            embedding = memory.get(key)
            if embedding is None:
                continue
            if not await neighbours.give(heir, key, embedding, room_only=place >= most):
                return
            taken += 1

    try:
        async with asyncio.timeout(LEAVE_S):
            await asyncio.gather(*(give(heir, keys) for heir, keys in shares.items()))
    except TimeoutError:
        logger.warning(
            "handing over embeddings took longer than %g s; the rest will be encoded again", LEAVE_S
        )
    if shares:
        logger.info("handed over %d of %d embeddings to the decoders that stay", taken, len(memory))
    return taken
