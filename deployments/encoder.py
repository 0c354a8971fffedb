"""Encoder: pixels become an image embedding."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from deployments.aloud import said_aloud
from deployments.cpus import threads_each
from segmenters.segmenter import Segmenter
from values.embedding import Embedding
from values.image import Pixels


class Encoder:
    """Holds the encoder half of a segmenter, and a device if it has one."""

    def __init__(self, segmenter: Segmenter) -> None:
        with said_aloud():
            self._encoder = segmenter.load_encoder(threads_each(1))
        # One thread: the device does one thing at a time, and the event loop stays free for health checks.
        self._device = ThreadPoolExecutor(1, thread_name_prefix="encode")

    async def ready(self) -> str:
        """A sentence; a replica that has not loaded its model does not answer."""
        return "the encoder is ready"

    async def encode(self, pixels: Pixels) -> Embedding:
        """The image embedding, as NumPy arrays that travel by reference."""
        [embedding] = await asyncio.get_running_loop().run_in_executor(
            self._device, self._encoder.encode, [pixels]
        )
        return embedding
