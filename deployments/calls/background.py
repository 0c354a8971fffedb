"""Work that nobody waits for, bounded."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any

from values.errors import ServiceError

logger = logging.getLogger("ray.serve")


class Background:
    """Runs coroutines that outlive the request which started them; over ``limit`` at once they are dropped.

    Each runs in an empty context: Serve cancels what was started within a request when the request ends.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Start the work, or drop it and answer False when too much is under way."""
        if len(self._tasks) >= self.limit:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(_logged(work), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def drain(self) -> None:
        """Wait for all that is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except ServiceError as error:
        logger.warning("in the background: %s", error.detail)
    except Exception:
        logger.exception("work in the background failed")
