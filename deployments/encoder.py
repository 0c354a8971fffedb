"""Encoder: pixels become an image embedding."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from deployments.aloud import said_aloud, warn_at_once
from deployments.batcher import Batcher
from deployments.cpus import threads_each
from deployments.meters import Meters
from deployments.parcels import Parcel, unpacked
from segmenters.segmenter import Segmenter
from values.embedding import Embedding
from values.errors import OtherVersion
from values.image import Pixels
from values.priority import Priority


class Encoder:
    """Holds the encoder half of a segmenter, and a device if it has one.

    ``batch``: most images that are encoded at once. Batches pay on a GPU only: on CPU the first image would
    wait for the last.
    """

    def __init__(self, segmenter: Segmenter, batch: int) -> None:
        warn_at_once()
        with said_aloud():
            self._encoder = segmenter.load_encoder(threads_each(1))
        self._version = segmenter.version
        # One thread: the device does one thing at a time, and the event loop stays free for health checks.
        device = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._batches = Batcher(self._encode, device, batch)
        self._meters = Meters()

    async def ready(self) -> str:
        """A sentence; a replica that has not loaded its model does not answer."""
        return "the encoder is ready"

    async def encode(self, key: str, pixels: Parcel, priority: Priority, version: str) -> Embedding:
        """The embedding of the image ``key``, as NumPy arrays that travel by reference.

        Raises OtherVersion unless this replica serves ``version`` of the model.
        """
        if version != self._version:
            raise OtherVersion(f"an encoder serves {self._version}, and {version} was asked for; try again")
        return await self._batches.run(key, await unpacked(pixels), priority)

    def _encode(self, batch: Sequence[Pixels]) -> Sequence[Embedding]:
        embeddings = [
            replace(embedding, evidence=pixels.evidence)
            for pixels, embedding in zip(batch, self._encoder.encode(batch), strict=True)
        ]
        self._meters.encoded(len(batch))
        return embeddings
