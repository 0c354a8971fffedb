"""Fetcher: a task's value becomes pixels at model size."""

from __future__ import annotations

from imaging.options import ImageOptions
from imaging.reader import ImageReader
from values.image import ImageSource, ModelSize, Pixels


class Fetcher:
    """Reads and decodes images on CPU, away from whoever decodes clicks."""

    def __init__(self, options: ImageOptions) -> None:
        self._reader = ImageReader(options)

    async def check(self) -> str:
        """A sentence: whether Label Studio can be reached with the token that is set."""
        return await self._reader.check()

    async def read(self, source: ImageSource, size: ModelSize) -> Pixels:
        """The image's pixels at model size; raises an ImageError that says why not."""
        return await self._reader.read(source, size)
