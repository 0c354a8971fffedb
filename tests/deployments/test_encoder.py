"""The encoder, its device faked: which version it serves, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np
import pytest

from deployments import encoder as encoder_module
from deployments.encoder import Encoder
from segmenters.classical.segmenter import Classical
from values.embedding import Embedding
from values.errors import OtherVersion, Overloaded
from values.image import ModelSize, Pixels
from values.priority import Priority

VERSION = "fake-1"


@dataclass
class Slow:
    """Encodes when ``admission`` is open."""

    admission: Event = field(default_factory=Event)
    name: str = "fake"
    version: str = VERSION
    device: str = "cpu"
    refines: bool = False
    input: ModelSize = field(default_factory=lambda: Classical().input)

    def load_encoder(self, threads: int) -> Slow:
        return self

    def load_decoder(self, threads: int) -> Any:
        raise NotImplementedError

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        self.admission.wait()
        return [Embedding({"a": np.zeros(1, np.float32)}, VERSION, 4, 4, 4, 4) for _ in batch]


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody books cores for what runs without Ray."""
    monkeypatch.setattr(encoder_module, "threads_each", lambda workers: 1)


@pytest.fixture
def model() -> Iterator[Slow]:
    """Its admission opens in the end, whatever the test found: the device's thread would never end."""
    made = Slow()
    yield made
    made.admission.set()


def reference() -> list[asyncio.Future[Pixels]]:
    packed: asyncio.Future[Pixels] = asyncio.get_running_loop().create_future()
    packed.set_result(Pixels(np.zeros((4, 4, 3), np.uint8), 4, 4, evidence="an etag"))
    return [packed]


async def test_an_embedding_says_of_which_content_it_was_made() -> None:
    model = Slow()
    model.admission.set()
    embedding = await Encoder(model, 1).encode("a", reference(), Priority.CLICK, VERSION)
    assert embedding.evidence == "an etag"


async def test_another_version_is_refused() -> None:
    with pytest.raises(OtherVersion, match="serves fake-1, and fake-2"):
        await Encoder(Slow(), 1).encode("a", reference(), Priority.CLICK, "fake-2")


async def test_what_nobody_waits_for_leaves_room_for_clicks(
    monkeypatch: pytest.MonkeyPatch, model: Slow
) -> None:
    monkeypatch.setattr(encoder_module, "AHEAD", 2)
    encoder = Encoder(model, 1)
    ahead = [
        asyncio.create_task(encoder.encode(key, reference(), Priority.NEXT, VERSION)) for key in ("a", "b")
    ]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await encoder.encode("c", reference(), Priority.LATER, VERSION)
    click = asyncio.create_task(encoder.encode("d", reference(), Priority.CLICK, VERSION))
    await asyncio.sleep(0)
    model.admission.set()
    await asyncio.gather(*ahead, click)
    await encoder.encode("c", reference(), Priority.LATER, VERSION)
