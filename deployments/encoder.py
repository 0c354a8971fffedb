"""Encoder: pixels become an image embedding."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from concurrency.background import AheadLimit
from concurrency.threads import Threads
from deployments.batcher import Batcher
from deployments.calls.large_values import Reference, unpacked
from deployments.compute_threads import ENCODING, behind_loops, threads_each
from deployments.device_health import APART_S, DeviceHealth
from deployments.metrics import Metrics
from deployments.observability import observe
from deployments.replica_log import said_aloud
from deployments.tracing import span
from segmenters.segmenter import EmbeddingModel
from values.embedding import Embedding
from values.errors import DeviceFailed, OtherVersion, OutOfMemory
from values.image import Pixels
from values.priority import Priority

logger = logging.getLogger("ray.serve")

AHEAD = 8
"""Images that nobody waits for in one replica, fewer than it takes in all: clicks come in between."""


class Encoder:
    """Holds the encoder half of a model, and a device if it has one.

    ``batch``: most images that are encoded at once on a GPU. On CPU, where the first image would wait for the
    last, it is one.
    """

    def __init__(self, model: EmbeddingModel, batch: int) -> None:
        observe()
        # One thread: the device does one thing at a time, and the event loop stays free for health checks. It
        # loads the model as well: what computes on CPU is started then, and has its niceness.
        self._device = behind_loops(1, "encode", ENCODING)
        with said_aloud():
            self._encoder = self._device.submit(model.load_encoder, threads_each(1)).result()
        self._version = model.version
        # The device is known in here only: a cluster may start a node with a GPU for this very replica.
        self._most = 1 if self._encoder.device == "cpu" else batch
        if self._encoder.device != "cpu":
            self._device = Threads(1, "encode")  # a GPU waits for nobody
        self._metrics = Metrics()
        self._batches = Batcher(self._encode, self._device, self._most, self._waited)
        self._health = DeviceHealth()
        self._ahead = AheadLimit(AHEAD, "are being encoded ahead")

    async def ready(self) -> str:
        """A sentence; a replica that has not loaded its model does not answer."""
        return "the encoder is ready"

    async def encode(self, key: str, pixels: Reference, priority: Priority, version: str) -> Embedding:
        """The embedding of the image ``key``, as NumPy arrays that travel by reference.

        Raises OtherVersion unless this replica serves ``version`` of the model, Overloaded for what nobody
        waits for when much of that waits already.
        """
        if version != self._version:
            raise OtherVersion(f"an encoder serves {self._version}, and {version} was asked for; try again")
        with self._ahead.of(priority):
            try:
                return await self._batches.run(key, await unpacked(pixels), priority)
            except DeviceFailed:
                # A replica that fails at once has the shortest queue, and would be sent everything.
                await asyncio.sleep(APART_S)
                raise

    async def check_health(self) -> None:
        """Called by Serve every few seconds. Raises DeviceFailed when the device is out of order."""
        self._metrics.queue("encode", len(self._batches))
        self._health.check(self._device)

    def _waited(self, priority: Priority, seconds: float) -> None:
        self._metrics.waited("encode", priority, seconds)

    def _encode(self, batch: Sequence[Pixels]) -> Sequence[Embedding]:
        parts = [batch[start : start + self._most] for start in range(0, len(batch), self._most)]
        return [embedding for part in parts for embedding in self._encoded(part)]

    def _encoded(self, batch: Sequence[Pixels]) -> Sequence[Embedding]:
        started = time.perf_counter()
        try:
            with span("encode"):
                encoded = self._encoder.encode(batch)
            embeddings = [
                replace(embedding, evidence=pixels.evidence)
                for pixels, embedding in zip(batch, encoded, strict=True)
            ]
        except OutOfMemory as error:
            if len(batch) == 1:
                raise self._judged(error, batch[0]) from None
            self._most = len(batch) // 2
            logger.warning("%s; from now on %d images at once", error.detail, self._most)
            return self._encode(batch)
        except DeviceFailed as error:
            if len(batch) > 1:
                raise  # each is tried alone then
            raise self._judged(error, batch[0]) from None
        self._health.worked()
        self._metrics.encoded(len(batch))
        for _ in batch:  # each of them took that long
            self._metrics.image_stage("encode", time.perf_counter() - started)
        return embeddings

    def _judged(self, error: DeviceFailed, pixels: Pixels) -> Exception:
        self._metrics.device_failed()
        blank = replace(pixels, rgb=np.zeros_like(pixels.rgb))
        return self._health.judged(error, lambda: self._encoder.encode([blank]))
