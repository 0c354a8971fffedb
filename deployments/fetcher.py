"""Fetcher: a task's value becomes pixels at model size."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from concurrency.background import AheadLimit
from concurrency.priority_slots import Urgency
from concurrency.single_flight import Flight, RecentAnswer, SingleFlight
from deployments.calls.large_values import Reference, packed, unpack
from deployments.calls.last_setup import SetupTokens
from deployments.metrics import Metrics
from deployments.observability import observe
from deployments.scaling import LOAD, ROOM, room
from imaging.decoders import OF_A_PROJECTS_HOST
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from values.cores import ONE_MACHINE, usable_cores
from values.errors import DeadlineExceeded
from values.image import ImageSource, ModelSize
from values.priority import Priority

READERS = 64
"""Calls that may wait for one image at once. Normally one decoder asks, again when the priority changes."""

AHEAD = 32
"""Reads that nobody waits for in one replica, far fewer than it takes: their hosts may all be silent."""

CHECK_S = 10.0
"""Label Studio is asked whether it answers no more often than that: anybody may ask us."""


class Fetcher:
    """Reads and decodes images on CPU, away from clicks. ``pack`` makes references to pixels."""

    def __init__(
        self, options: ImageOptions, journal: Any, pack: Callable[[Any], Awaitable[Reference]] = packed
    ) -> None:
        observe()
        self._reader = ImageReader(options)
        self._check = RecentAnswer(self._reader.check, CHECK_S)
        self._tokens = SetupTokens(options, journal)
        self._reads = SingleFlight[Reference](READERS)
        self._ahead = AheadLimit(AHEAD, "are being read ahead")
        self._pack = pack
        self._metrics = Metrics()
        one_machine = bool(os.environ.get(ONE_MACHINE))
        self._room = room(OF_A_PROJECTS_HOST, usable_cores(), one_machine=one_machine)

    async def check(self) -> str:
        """A sentence: whether Label Studio can be reached with the token that is set."""
        return await self._check.answer()

    async def read(
        self, key: str, source: ImageSource, size: ModelSize, priority: Priority, left_s: float, *values: str
    ) -> Reference:
        """The reference of the image's pixels at model size; raises an ImageError that says why not.

        Who asks for a ``key`` that is being read at that size shares its pixels; the model and the detector
        ask for the same image at once, each at its own. ``left_s``: seconds that are left for it.
        ``values``: what came for the reference to the source's value. Raises Overloaded for what nobody waits
        for when much of that waits already.
        """
        until = asyncio.get_running_loop().time() + left_s
        source = unpack(source, *values)
        try:
            with self._ahead.of(priority, source.project):
                return await self._reads.run(
                    f"{size} {key}",
                    lambda flight: self._read(flight, source, size),
                    priority=priority,
                    until=until,
                )
        except TimeoutError:
            raise DeadlineExceeded("reading the image took too long; try again in a moment") from None

    async def evidence(self, source: ImageSource, *values: str) -> str:
        """What ``read`` would put into the evidence of the pixels, found without reading the image.

        "" where there is none. Raises the same errors.
        """
        return await self._reader.evidence(await self._with_token(unpack(source, *values)))

    async def check_health(self) -> None:
        """Called by Serve every few seconds."""
        self._metrics.queue("read", len(self._reads))

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What ``deployments.scaling.by_images_in_decode`` goes by; asked by Serve twice a second."""
        # Mostly all of it is of one project, whose images are in one place.
        return {LOAD: self._reader.decoding / OF_A_PROJECTS_HOST, ROOM: self._room}

    async def _with_token(self, source: ImageSource) -> ImageSource:
        return replace(source, token=await self._tokens.of(source.project))

    async def _read(self, flight: Flight, source: ImageSource, size: ModelSize) -> Reference:
        urgency = Urgency(flight.priority.urgent)
        started = time.perf_counter()
        watching = asyncio.ensure_future(_promote(urgency, flight))
        try:
            pixels = await self._reader.read(await self._with_token(source), size, urgency)
        finally:
            watching.cancel()
        self._metrics.fetched()
        self._metrics.image_stage("read", time.perf_counter() - started)
        return await self._pack(pixels)


async def _promote(urgency: Urgency, flight: Flight) -> None:
    """Once somebody waits for the flight, its image is urgent wherever it waits."""
    await flight.becomes_urgent()
    urgency.promote()
