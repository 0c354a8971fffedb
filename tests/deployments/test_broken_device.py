"""Both halves on a device that fails: what is answered, what is tried again, and when Serve is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from deployments import decoder as decoder_module
from deployments import device_health
from deployments import encoder as encoder_module
from deployments.decoder import Decoder
from deployments.device_health import FAILURES
from deployments.encoder import Encoder
from deployments.options import DecoderOptions
from embeddings.options import DurableOptions
from protocol.click import Click
from protocol.controls import Output
from protocol.options import RegionOptions
from segmenters.classical.segmenter import Classical
from values.embedding import Embedding
from values.errors import DeviceFailed, ModelError, OutOfMemory
from values.image import ImageSource, ModelSize, Pixels
from values.masks import Masks
from values.priority import Priority
from values.prompt import Prompt

POISON = 13
PROMPT = Prompt(np.array([[0.5, 0.5]]), np.ones(1, np.int32))
CLICK = Click(
    ImageSource("a.png"), (PROMPT,), 8, 8, 0, None, (Output("BrushLabels", "brush", "image", ("Object",)),)
)


class Metrics:
    """Counts what the device failed at."""

    def __init__(self) -> None:
        self.failed = 0

    def device_failed(self) -> None:
        self.failed += 1

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


@dataclass
class Failing:
    """The classical segmenter on a device that can be broken, and takes at most ``fits`` images at once.

    An image whose every value is ``POISON`` fails on any device.
    """

    device: str = "cuda"
    broken: bool = False
    fits: int = 100
    asked: list[int] = field(default_factory=list)
    name: str = "failing"
    version: str = "classical-3"
    refines: bool = False
    input: ModelSize = field(default_factory=lambda: Classical().input)

    def load_encoder(self, threads: int) -> Failing:
        return self

    def load_decoder(self, threads: int) -> Failing:
        return self

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        self.asked.append(len(batch))
        if len(batch) > self.fits:
            raise OutOfMemory(f"no room for {len(batch)} images")
        if self.broken or any((pixels.rgb == POISON).all() for pixels in batch):
            raise DeviceFailed("CUDA error: unspecified launch failure")
        return Classical().load_encoder(1).encode(batch)

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        if self.broken:
            raise DeviceFailed("ONNX Runtime failed: Failed to allocate memory")
        return Classical().load_decoder(1).decode(embedding, prompt)


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (encoder_module, decoder_module):
        monkeypatch.setattr(module, "Metrics", Metrics)
        monkeypatch.setattr(module, "threads_each", lambda _: 1)
    for module in (encoder_module, device_health):
        monkeypatch.setattr(module, "APART_S", 0.0)


def pixels(value: int = 1) -> Pixels:
    return Pixels(np.full((8, 8, 3), value, np.uint8), 8, 8)


def encoder(segmenter: Failing, batch: int = 8) -> Encoder:
    return Encoder(segmenter, batch)


async def encoded(made: Encoder, count: int, *more: int) -> list[Embedding | BaseException]:
    """What becomes of so many good images and of those of these values, sent at once behind another."""
    values = [*range(20, 20 + count), *more]
    return await asyncio.gather(*(_encode(made, each) for each in values), return_exceptions=True)


async def _encode(made: Encoder, value: int) -> Embedding:
    reference = asyncio.get_running_loop().create_future()
    reference.set_result(pixels(value))
    return await made.encode(f"image {value}", [reference], Priority.CLICK, Failing().version)


async def test_on_cpu_images_are_encoded_one_by_one_and_on_a_gpu_in_batches() -> None:
    for device, most in (("cpu", 1), ("cuda:0", 8)):
        segmenter = Failing(device)
        await encoded(encoder(segmenter), 9)
        assert max(segmenter.asked) == most


async def test_what_does_not_fit_is_halved_and_stays_so() -> None:
    segmenter = Failing(fits=3)
    made = encoder(segmenter)
    assert all(isinstance(each, Embedding) for each in await encoded(made, 8))
    segmenter.asked.clear()
    assert all(isinstance(each, Embedding) for each in await encoded(made, 8))
    assert max(segmenter.asked) <= 3
    await made.check_health()


async def test_a_poison_image_fails_alone_and_the_replica_stays() -> None:
    segmenter = Failing()
    made = encoder(segmenter)
    for _ in range(2 * FAILURES):
        *good, bad = await encoded(made, 3, POISON)
        assert all(isinstance(each, Embedding) for each in good)
        assert type(bad) is ModelError
        await made.check_health()
    for _ in range(2 * FAILURES):  # nobody but this one, who clicks again and again
        [bad] = await encoded(made, 0, POISON)
        assert type(bad) is ModelError
        await made.check_health()


async def test_a_broken_encoder_is_said_to_be_and_replaced() -> None:
    segmenter = Failing(broken=True)
    made = encoder(segmenter)
    await made.check_health()
    for _ in range(FAILURES):
        [failed] = await encoded(made, 1)
        assert type(failed) is DeviceFailed
    with pytest.raises(DeviceFailed, match="in a row"):
        await made.check_health()


async def test_a_failure_is_not_the_quickest_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(encoder_module, "APART_S", 1.0)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await encoded(encoder(Failing(broken=True)), 1)
    assert waited == [1.0]


@dataclass
class Kept:
    """A cache that has one embedding for every key."""

    embedding: Embedding

    def __contains__(self, key: str) -> bool:
        return True

    async def get(self, *_: object) -> Embedding:
        return self.embedding

    def report(self) -> None:
        """Nothing to say."""


async def test_a_broken_decoder_is_replaced_and_a_whole_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = Failing("cpu")
    [embedding] = segmenter.encode([pixels()])

    monkeypatch.setattr(decoder_module, "EmbeddingCache", lambda *_, **__: Kept(embedding))
    made = Decoder(segmenter, DecoderOptions(), RegionOptions(), DurableOptions(), None, None)
    await made.click("key", CLICK, [], 10)
    await made.check_health()
    segmenter.broken = True
    for _ in range(FAILURES):
        with pytest.raises(DeviceFailed, match="allocate memory"):
            await made.click("key", CLICK, [], 10)
    with pytest.raises(DeviceFailed, match="in a row"):
        await made.check_health()
