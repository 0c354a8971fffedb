"""A decoder replica with the deployments behind it faked: pictures of other sizes than the browser's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deployments.calls.large_values import Reference
from deployments.decoder import Decoder
from deployments.options import DecoderOptions
from embeddings.options import DurableOptions
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.controls import Output
from protocol.everything import WholePicture
from protocol.mask_prompts import read as draw
from protocol.options import RegionOptions
from segmenters.classical.segmenter import Classical
from testing.deployment_fakes import Handle
from testing.label_studio_masks import deepest, iou, keypoint, region_mask
from testing.label_studio_requests import predict_body
from testing.pointing import shown
from testing.scenes import scene
from tests.protocol.support import encoded
from values.click_answer import ClickAnswer
from values.embedding import Embedding
from values.errors import ImageDiffers
from values.image import ImageSource
from values.masks import Masks
from values.priority import Priority
from values.prompt import Prompt

WIDTH, HEIGHT = 320, 200
PICTURE = scene(1, WIDTH, HEIGHT)


async def _read(*_: Any) -> Reference:
    return []


async def _encode(*_: Any) -> Embedding:
    [embedding] = Classical().load_encoder(1).encode([shown(Classical(), PICTURE.rgb)])
    return embedding


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Decoder:
    monkeypatch.setattr("deployments.decoder.threads_each", lambda _: 1)  # asks Ray what this replica has
    return faked()


def faked() -> Decoder:
    """A decoder of the picture, whichever is asked for."""
    fetcher, encoder = Handle({"read": _read}), Handle({"encode": _encode})
    return Decoder(Classical(), DecoderOptions(), RegionOptions(), DurableOptions(), fetcher, encoder)


def click_on(size: tuple[int, int]) -> Click:
    """A click on a thing of the picture, of which the browser shows a copy of ``size``."""
    x, y = deepest(PICTURE.masks[0])
    at = (x / WIDTH * size[0], y / HEIGHT * size[1])
    body = predict_body(context={"result": [keypoint(at, size[::-1], "Object")]})
    click = read_click(read_predict(encoded(body)), draw)
    assert isinstance(click, Click)
    return click


@pytest.mark.slow
@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (160, 100), (640, 400), (333, 208)])
async def test_a_copy_of_the_picture_is_answered_at_its_size(decoder: Decoder, size: tuple[int, int]) -> None:
    answer = await decoder.click("a" * 40, click_on(size), [], 60)
    assert isinstance(answer, ClickAnswer)
    [region] = answer.regions
    assert (region["original_width"], region["original_height"]) == size


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (320, 240), (160, 102)])
async def test_a_picture_of_another_shape_is_refused_before_it_is_decoded(
    decoder: Decoder, size: tuple[int, int]
) -> None:
    with pytest.raises(ImageDiffers, match=f"{size[0]} x {size[1]} pixels, .* has 320 x 200"):
        await decoder.click("a" * 40, click_on(size), [], 60)


@pytest.mark.slow
async def test_everything_in_the_picture_has_regions_of_its_own_size(decoder: Decoder) -> None:
    output = Output("BrushLabels", "brush", "image", ("Thing",))
    picture = WholePicture(ImageSource("a"), None, output, points=3)
    found = await decoder.everything("a" * 40, picture, [], 600, Priority.LATER)
    assert found.version == "classical-3"
    masks = [region_mask(region) for [region] in found.regions]
    assert {mask.shape for mask in masks} == {(HEIGHT, WIDTH)}
    assert max(iou(mask, PICTURE.masks[0]) for mask in masks) > 0.9


class Preparing:
    """The classical decoder, and what it was given; an image that is prepared has an array more."""

    def __init__(self) -> None:
        self.given: list[set[str]] = []
        self._decoder = Classical().load_decoder(1)

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        self.given.append(set(embedding.arrays))
        return self._decoder.decode(embedding, prompt)

    def prepared(self, embedding: Embedding) -> Embedding:
        return replace(embedding, arrays={**embedding.arrays, "more": np.zeros(9, np.float32)})


@pytest.mark.slow
async def test_an_image_that_was_clicked_is_prepared_until_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Preparing()
    monkeypatch.setattr("deployments.decoder.threads_each", lambda _: 1)
    monkeypatch.setattr(Classical, "load_decoder", lambda *_: model)
    decoder = faked()
    key, click = "a" * 40, click_on((WIDTH, HEIGHT))
    for _ in range(2):
        answer = await decoder.click(key, click, [], 60)
        assert isinstance(answer, ClickAnswer)
        while decoder._prepared.busy:
            await asyncio.sleep(0)
    await decoder.forget(key)
    await decoder.click(key, click, [], 60)
    [plain, prepared, again] = model.given
    assert prepared == plain | {"more"}
    assert again == plain


async def test_serve_finds_what_to_do_at_the_end_and_python_does_not(decoder: Decoder) -> None:
    """As Serve's own wrapper of a replica's code does: it awaits what the instance has."""
    said: list[str] = []

    async def leave() -> int:
        said.append("left")
        return 0

    decoder._cache.leave = leave  # type: ignore[method-assign]
    assert hasattr(decoder, "__del__")
    await decoder.__del__()
    assert said == ["left"]
    assert not hasattr(type(decoder), "__del__"), "Python would call it, and nobody would await it"
