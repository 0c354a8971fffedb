"""Fetcher: a task's value becomes pixels at model size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployments.meters import Meters
from deployments.offered import OfferedTokens
from deployments.parcels import unpack
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from values.image import ImageSource, ModelSize, Pixels


class Fetcher:
    """Reads and decodes images on CPU, away from whoever decodes clicks."""

    def __init__(self, options: ImageOptions, journal: Any) -> None:
        self._reader = ImageReader(options)
        self._tokens = OfferedTokens(options, journal)
        self._meters = Meters()

    async def check(self) -> str:
        """A sentence: whether Label Studio can be reached with the token that is set."""
        return await self._reader.check()

    async def read(self, source: ImageSource, size: ModelSize, *values: str) -> Pixels:
        """The image's pixels at model size; raises an ImageError that says why not.

        ``values``: what came in the parcel of the source's value.
        """
        source = replace(unpack(source, *values), token=await self._tokens.of(source.project))
        pixels = await self._reader.read(source, size)
        self._meters.fetched()
        return pixels

    async def aclose(self) -> None:
        """Close all connections."""
        await self._reader.aclose()
