"""The decoder, all else faked: a replaced picture is not refined by answers on the old one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from deployments import decoder
from deployments.calls.large_values import Reference
from deployments.decoder import Decoder
from deployments.options import DecoderOptions
from embeddings.options import DurableOptions
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.mask_prompts import read as draw
from protocol.options import RegionOptions
from testing.deployment_fakes import Handle
from testing.label_studio_requests import predict_body
from values.embedding import Embedding
from values.image import ModelSize
from values.masks import Frame, Masks
from values.prompt import Prompt

KEY = "a" * 40
SIZE = ModelSize(4)


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody books cores for what runs without Ray."""
    monkeypatch.setattr(decoder, "threads_each", lambda workers: 1)


class Noting:
    """The decoder half: notes with which picture's logits each answer was refined, None for none."""

    def __init__(self) -> None:
        self.refined: list[float | None] = []

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        self.refined.append(None if prompt.low_res is None else float(prompt.low_res.max()))
        picture = float(embedding.arrays["picture"][0])
        return Masks(np.full((1, 4, 4), picture, np.float32), np.ones(1, np.float32), Frame(None, (4, 4)))


@dataclass(frozen=True)
class Model:
    """A model that refines."""

    noting: Noting
    name: str = "fake"
    version: str = "fake-1"
    input: ModelSize = SIZE
    refines: bool = True

    def load_decoder(self, threads: int) -> Noting:
        return self.noting

    def load_encoder(self, threads: int) -> Any:
        raise NotImplementedError


class Graph:
    """A decoder, the picture that its fetcher reads and what is told of it."""

    def __init__(self) -> None:
        self.picture = 1
        self.evidence = "the first"
        self.noting = Noting()
        options = (DecoderOptions(), RegionOptions(), DurableOptions())
        fetcher, encoder = Handle({"read": self._read}), Handle({"encode": self._encode})
        self.decoder = Decoder(Model(self.noting), *options, fetcher, encoder)

    async def _read(self, *args: Any) -> Reference:
        return [self.picture, self.evidence]

    async def _encode(self, key: str, pixels: Reference, *args: Any) -> Embedding:
        picture, evidence = pixels
        arrays = {"picture": np.array([picture], np.float32)}
        return Embedding(arrays, "fake-1", 4, 4, 4, 4, evidence=evidence)

    async def click(self, count: int) -> list[float | None]:
        """What refined the answers that this many clicks took."""
        self.noting.refined.clear()
        await self.decoder.click(KEY, _click(count), [], 60)
        return list(self.noting.refined)


def _click(count: int) -> Click:
    click = read_click(read_predict(json.dumps(predict_body()).encode()), draw)
    assert isinstance(click, Click)
    points = np.array([[n, n] for n in range(count)], np.float64) / 9
    return replace(click, prompts=(Prompt(points, np.ones(count, np.int32)),), width=4, height=4)


async def test_each_click_refines_the_answer_to_those_before_it() -> None:
    graph = Graph()
    assert [await graph.click(count) for count in (1, 2, 3)] == [[None], [1.0], [1.0]]


@pytest.mark.parametrize("evidence", ["the second", ""])
async def test_a_replaced_picture_is_not_refined_by_answers_on_the_old_one(evidence: str) -> None:
    graph = Graph()
    await graph.click(1)
    graph.picture, graph.evidence = 2, evidence
    # The embedding alone: as where it is found to be of another content.
    await graph.decoder._cache.forget(KEY)
    assert await graph.click(2) == [None, 2.0]


async def test_nor_is_a_forgotten_one_of_which_nothing_is_told() -> None:
    graph = Graph()
    graph.evidence = ""
    await graph.click(1)
    graph.picture = 2
    assert await graph.decoder.forget(KEY) is True
    assert await graph.click(2) == [None, 2.0]
    assert await graph.click(3) == [2.0]


async def test_what_is_forgotten_was_there() -> None:
    graph = Graph()
    assert await graph.decoder.forget(KEY) is False
