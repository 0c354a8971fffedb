"""Whether an image is still the one that was encoded: asked now and then, and never while a click waits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from concurrency.background import Background
from deployments.calls.call import call
from deployments.calls.large_values import Reference
from values.errors import ServiceError
from values.image import ImageSource

logger = logging.getLogger("ray.serve")

PATIENCE_S = 5.0
"""For so long the place of an image is asked; where it does not tell, the image counts as unchanged."""

REMEMBERED = 100_000
"""Images of which it is remembered when they were asked about."""


class Recheck:
    """Asks the fetchers for the evidence of images, of each at most once in ``every_s`` seconds; 0: never."""

    def __init__(self, every_s: float, fetcher: Any, clock: Callable[[], float] | None = None) -> None:
        self.background = Background(limit=64)
        self._every_s = every_s
        self._fetcher = fetcher
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._asked: OrderedDict[str, float] = OrderedDict()

    def seen(self, key: str) -> None:
        """The image was read, or asked about, just now."""
        self._asked[key] = self._clock()
        self._asked.move_to_end(key)
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)

    def begin(
        self,
        key: str,
        evidence: str,
        source: ImageSource,
        reference: Reference,
        forget: Callable[[], Awaitable[Any]],
    ) -> None:
        """Ask in the background, if that is due, and ``forget`` the image where it was replaced."""
        if self._is_due(key, evidence):
            self.background.start(self._ask_and_forget(key, evidence, source, reference, forget))

    async def replaced(self, key: str, evidence: str, source: ImageSource, reference: Reference) -> bool:
        """Whether the image has another evidence now. False where nothing tells, and until asking is due."""
        if not self._is_due(key, evidence):
            return False
        self.seen(key)
        found = ""
        # Whoever cannot be asked will not hand out another image either.
        with contextlib.suppress(ServiceError):
            found = await call(
                lambda: self._fetcher.evidence.remote(source, *reference),
                timeout_s=PATIENCE_S,
                what="asking whether the image was replaced",
            )
        return bool(found) and found != evidence

    def _is_due(self, key: str, evidence: str) -> bool:
        if not evidence or not self._every_s:
            return False
        asked = self._asked.get(key)
        return asked is None or self._clock() - asked >= self._every_s

    async def _ask_and_forget(
        self,
        key: str,
        evidence: str,
        source: ImageSource,
        reference: Reference,
        forget: Callable[[], Awaitable[Any]],
    ) -> None:
        if await self.replaced(key, evidence, source, reference):
            logger.info("the image of task %s was replaced: it is encoded again", source.task)
            await forget()
