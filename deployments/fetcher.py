"""Fetcher: a task's value becomes pixels at model size."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from deployments.calls import call
from deployments.meters import Meters
from deployments.parcels import unpack
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from values.errors import ServiceError
from values.image import ImageSource, ModelSize, Pixels

logger = logging.getLogger("ray.serve")


class Fetcher:
    """Reads and decodes images on CPU, away from whoever decodes clicks."""

    def __init__(self, options: ImageOptions, journal: Any) -> None:
        self._reader = ImageReader(options)
        self._journal = journal
        self._meters = Meters()
        self._wants_token = options.use_setup_token and options.label_studio_api_key is None

    async def check(self) -> str:
        """A sentence: whether Label Studio can be reached with the token that is set."""
        return await self._reader.check()

    async def read(self, source: ImageSource, size: ModelSize, *values: str) -> Pixels:
        """The image's pixels at model size; raises an ImageError that says why not.

        ``values``: what came in the parcel of the source's value.
        """
        source = unpack(source, *values)
        if self._wants_token and source.project:
            source = replace(source, token=await self._offered(source.project))
        pixels = await self._reader.read(source, size)
        self._meters.fetched()
        return pixels

    async def aclose(self) -> None:
        """Close all connections."""
        await self._reader.aclose()

    async def _offered(self, project: str) -> str | None:
        """The token that Label Studio sent with this project's /setup, if there was one."""
        try:
            token: str | None = await call(
                lambda: self._journal.offered.remote(project), timeout_s=5, what="reading the journal"
            )
        except ServiceError as error:
            logger.warning("an image is read without Label Studio's token: %s", error.detail)
            return None
        return token
