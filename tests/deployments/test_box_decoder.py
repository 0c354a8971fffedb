"""Many boxes on one image: all are decoded, and none while a click is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np
import pytest

from deployments import box_decoder
from deployments.box_decoder import BoxDecoder, DecodeMany
from deployments.decode_queue import DecodeQueue
from protocol.click import Click
from protocol.controls import Output
from protocol.options import RegionOptions
from values.embedding import Embedding
from values.errors import DeviceFailed
from values.image import ImageSource
from values.masks import Frame, Masks
from values.prompt import Prompt

SIZE = 32
OUTPUT = Output("BrushLabels", "brush", "image", ("Cat",))


def click(count: int) -> Click:
    boxes = [Prompt(box=np.array([0, 0, (n + 1) / count, 1.0])) for n in range(count)]
    outputs = (OUTPUT,) * count
    return Click(ImageSource("a"), tuple(boxes), SIZE, SIZE, 0, None, outputs)


def embedding() -> Embedding:
    return Embedding({"a": np.zeros((1, 2), np.float32)}, "fake-1", SIZE, SIZE, SIZE, SIZE)


def filled(_: Embedding, prompt: Prompt) -> Masks:
    """The box itself, rated by its width."""
    assert prompt.box is not None
    logits = np.full((1, SIZE, SIZE), -1, np.float32)
    logits[:, :, : round(prompt.box[2] * SIZE)] = 1
    return Masks(logits, np.array([prompt.box[2]], np.float32), Frame(None, (SIZE, SIZE)))


def each(decode: Callable[[Embedding, Prompt], Masks]) -> DecodeMany:
    return lambda given, prompts: (decode(given, prompt) for prompt in prompts)


async def test_the_masks_come_in_the_order_of_the_boxes() -> None:
    decoder = BoxDecoder(each(filled), RegionOptions(), DecodeQueue(2, 1.0), 2)
    masks = await decoder.masks(embedding(), click(8), "fake-1")
    assert masks.scores == [(n + 1) / 8 for n in range(8)]
    assert [len(regions) for regions in masks.regions] == [1] * 8
    assert masks.version == "fake-1"


async def test_each_mask_is_postprocessed_as_its_own_prompt_asks() -> None:
    def apart(_: Embedding, prompt: Prompt) -> Masks:
        logits = np.full((1, SIZE, SIZE), -1, np.float32)
        logits[:, :, :16] = logits[:, :, 24:28] = 1
        return Masks(logits, np.ones(1, np.float32), Frame(None, (SIZE, SIZE)))

    box = Prompt(box=np.array([0, 0, 1.0, 1.0]))
    clicked = Prompt.in_pixels((SIZE, SIZE), [[25, 3]], [1], [0, 0, SIZE, SIZE])
    output = Output("RectangleLabels", "box", "image", ("Cat",))
    asked = Click(ImageSource("a"), (box, clicked, box), SIZE, SIZE, 0, None, (output,) * 3)
    options = RegionOptions(mask_largest_part=True)
    masks = await BoxDecoder(each(apart), options, DecodeQueue(2, 1.0), 2).masks(embedding(), asked, "v")
    widths = [region["value"]["width"] * SIZE / 100 for [region] in masks.regions]
    assert widths == [16, 28, 16]


async def test_an_empty_mask_has_no_region() -> None:
    def nothing(_: Embedding, prompt: Prompt) -> Masks:
        return Masks(np.full((1, 4, 4), -1, np.float32), np.ones(1, np.float32), Frame(None, (4, 4)))

    masks = await BoxDecoder(each(nothing), RegionOptions(), DecodeQueue(1, 1.0), 1).masks(
        embedding(), click(2), "v"
    )
    assert masks.regions == [[], []]


async def test_no_box_is_begun_while_a_click_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_decoder, "PATIENCE_S", 600.0)
    clicks, gate, begun = DecodeQueue(1, 1.0), threading.Event(), list[str]()

    def decode(given: Embedding, prompt: Prompt) -> Masks:
        begun.append("box")
        return filled(given, prompt)

    def click_of_somebody() -> None:
        assert gate.wait(60)
        begun.append("click")

    waiting = asyncio.create_task(clicks.run(click_of_somebody))
    while not clicks.inside:
        await asyncio.sleep(0)
    masks = asyncio.create_task(
        BoxDecoder(each(decode), RegionOptions(), clicks, 2).masks(embedding(), click(3), "fake-1")
    )
    for _ in range(20):
        await asyncio.sleep(0)
    assert begun == []
    gate.set()
    await asyncio.gather(waiting, masks)
    assert begun == ["click", "box", "box", "box"]


async def test_constant_clicks_do_not_stop_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_decoder, "PATIENCE_S", 0.001)
    clicks, gate = DecodeQueue(1, 1.0), threading.Event()
    waiting = asyncio.create_task(clicks.run(gate.wait, 60))
    while not clicks.inside:
        await asyncio.sleep(0)
    masks = await BoxDecoder(each(filled), RegionOptions(), clicks, 1).masks(embedding(), click(2), "fake-1")
    gate.set()
    await waiting
    assert len(masks.regions) == 2


async def test_a_device_that_fails_ends_it_and_what_waits_is_not_begun() -> None:
    calls = []

    def broken(given: Embedding, prompt: Prompt) -> Masks:
        calls.append(1)
        raise DeviceFailed("it is broken")

    with pytest.raises(DeviceFailed):
        await BoxDecoder(each(broken), RegionOptions(), DecodeQueue(1, 1.0), 1).masks(
            embedding(), click(50), "v"
        )
    await asyncio.sleep(0)
    assert len(calls) < 50
