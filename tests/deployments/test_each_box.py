"""One region for each box: the decoder puts each mask where its own prompt belongs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from deployments import decoder
from deployments.decoder import Decoder
from deployments.options import DecoderOptions
from embeddings.options import DurableOptions
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions, RegionOptions
from testing.deployment_fakes import Handle
from tests.protocol.support import encoded, keypoint, rectangle
from values.click_answer import ClickAnswer
from values.embedding import Embedding
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

CONFIG = (
    '<View><Image name="image" value="$image"/><PolygonLabels name="polygon" toName="image">'
    '<Label value="Cat"/><Label value="Dog"/></PolygonLabels></View>'
)


SIZE = ModelSize(4)


@dataclass(frozen=True)
class Everything:
    """A model whose mask is always the whole image, or what is on in ``logits``, 4 x 4."""

    name: str = "fake"
    version: str = "fake-1"
    input: ModelSize = SIZE
    refines: bool = False
    logits: tuple[tuple[float, ...], ...] = ((1.0,) * 4,) * 4

    def load_decoder(self, threads: int) -> Everything:
        return self

    def load_encoder(self, threads: int) -> Any:
        raise NotImplementedError

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        logits = np.array([self.logits], np.float32)
        return Masks(logits, np.ones(1, np.float32), Frame(None, (4, 4)))


@dataclass(frozen=True)
class Widening(Everything):
    """Notes how many cores it may take."""

    taken: list[int] = field(default_factory=list)

    def take_idle_cores(self, threads: int) -> None:
        self.taken.append(threads)


async def read(*args: Any) -> Pixels:
    return Pixels(np.zeros((4, 4, 3), np.uint8), 4, 4)


async def encode(*args: Any) -> Embedding:
    return Embedding({"a": np.zeros(1, np.float32)}, "fake-1", 200, 100, 4, 4)


def click_on_boxes(*labels: str, **clicks: tuple[int, int]) -> Click:
    """``clicks``: places in percent, by anything."""
    boxes = [keypoint(*place) for place in clicks.values()] + [
        rectangle(10 + 40 * number, 10, 20, 20, rectanglelabels=[label])
        for number, label in enumerate(labels)
    ]
    body = {"tasks": [{"id": 1, "data": {"image": "/a.png"}}], "label_config": CONFIG}
    read = read_predict(encoded({**body, "params": {"context": {"result": boxes}}}))
    click = read_click(read, draw, ReadOptions(multi_box="each"))
    assert isinstance(click, Click)
    return click


async def test_each_region_has_the_label_of_its_own_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "threads_each", lambda workers: 1)
    options = (DecoderOptions(), RegionOptions(), DurableOptions())
    whole = Decoder(Everything(), *options, Handle({"read": read}), Handle({"encode": encode}))
    answer = await whole.click("a" * 40, click_on_boxes("Cat", "Dog"), [], 90)
    assert isinstance(answer, ClickAnswer)
    labels = [region["value"]["polygonlabels"] for region in answer.regions]
    assert labels == [["Cat"], ["Dog"]]


def test_a_lone_click_may_take_what_all_clicks_together_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "threads_each", lambda computations: 4 // computations)
    options = (DecoderOptions(threads=2), RegionOptions(), DurableOptions())
    model = Widening()
    Decoder(model, *options, Handle({"read": read}), Handle({"encode": encode}))
    assert model.taken == [4]


async def test_each_mask_is_postprocessed_with_the_clicks_of_its_own_box(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoder, "threads_each", lambda workers: 1)
    parts = Everything(logits=((1, 1, -1, 1), (1, 1, -1, -1), (1, 1, -1, -1), (1, 1, -1, -1)))
    options = (DecoderOptions(), RegionOptions(mask_largest_part=True), DurableOptions())
    whole = Decoder(parts, *options, Handle({"read": read}), Handle({"encode": encode}))
    answer = await whole.click("a" * 40, click_on_boxes("Cat", "Dog", smaller=(95, 5)), [], 90)
    assert isinstance(answer, ClickAnswer)
    # The click is in neither box, and so one of the newest.
    labels = [region["value"]["polygonlabels"] for region in answer.regions]
    assert labels == [["Cat"], ["Dog"], ["Dog"]]
