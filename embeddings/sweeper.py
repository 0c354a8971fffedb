"""One sweeper for a place: of all who write there, in whatever cluster, one process at a time sweeps it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from embeddings.durable_location import Place, why
from embeddings.retention import Bounds, sweep_place
from embeddings.sweep_schedule import Schedule, note_sweep, seconds_since_sweep
from embeddings.sweeper_lease import LeaseLost, SweeperLease

if TYPE_CHECKING:
    from obstore.store import ObjectStore

logger = logging.getLogger("ray.serve")


class Sweeper:
    """The part of one process in it. ``opened``: the store of the place. ``now``: seconds since the epoch.

    ``timeout_s``: longest wait for each request. ``failed`` is called with a few words when a sweep fails,
    ``worked`` when one ends; nothing raises.
    """

    def __init__(
        self,
        place: Place,
        opened: Callable[[], Awaitable[ObjectStore]],
        bounds: Bounds,
        schedule: Schedule,
        lease: SweeperLease,
        timeout_s: float,
        *,
        now: Callable[[], float],
        failed: Callable[[str], None],
        worked: Callable[[], None],
    ) -> None:
        self._place = place
        self._opened = opened
        self._bounds = bounds
        self._schedule = schedule
        self._lease = lease
        self._timeout_s = timeout_s
        self._now = now
        self._failed = failed
        self._worked = worked

    def wrote(self, nbytes: int) -> None:
        """An embedding was written: begins a sweep in the background when one is due, unless another process
        makes it or made it lately."""
        self._schedule.wrote(nbytes)
        self._schedule.start_if_due(self._swept_ago, self._sweep)

    def start(self) -> asyncio.Future[None]:
        """As if a sweep were due: that, or the one which is under way here."""
        return self._schedule.start(self._sweep)

    async def _swept_ago(self) -> float:
        try:
            return await seconds_since_sweep(await self._opened(), self._now(), self._timeout_s)
        except Exception as error:
            self._failed(why(error))
            return -math.inf  # not now

    async def _sweep(self) -> None:
        try:
            store = await self._opened()
            if await self._lease.take(store):
                await self._sweep_as_holder(store)
        except LeaseLost:
            logger.info("another process sweeps %s now", self._place)
        except Exception as error:
            self._failed(why(error))
        else:
            self._worked()

    async def _sweep_as_holder(self, store: ObjectStore) -> None:
        async def go_on() -> None:
            await self._lease.renew(store)

        try:
            await sweep_place(self._place, store, self._bounds, self._now(), self._timeout_s, go_on)
        except LeaseLost:
            raise
        except Exception:
            # A place that cannot be swept is not listed by everybody in turn.
            await self._end(store)
            raise
        await self._end(store)

    async def _end(self, store: ObjectStore) -> None:
        await note_sweep(store, self._timeout_s)
        await self._lease.release(store)
