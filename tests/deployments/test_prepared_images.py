"""What prompts on an image share: computed behind the clicks, used for the same embedding alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from deployments.prepared_images import AT_ONCE, STAYS_S, PreparedImages
from values.embedding import Embedding
from values.errors import DeviceFailed, OutOfMemory
from values.masks import Masks
from values.prompt import Prompt

MIB = 2**18
"""Numbers of a MiB in float32."""


def image(content: float = 1) -> Embedding:
    return Embedding({"image": np.full(MIB, content, np.float32)}, "fake-1", 8, 8, 8, 8)


class Model:
    """Adds an array of a MiB, and counts how often; fails where it is told to."""

    def __init__(self) -> None:
        self.prepared_images = 0
        self.fails: Exception | None = None
        self.gains = True

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        raise AssertionError("nobody clicks")

    def prepared(self, embedding: Embedding) -> Embedding | None:
        self.prepared_images += 1
        assert embedding.arrays["image"].dtype == np.float32
        if self.fails is not None:
            raise self.fails
        more = {**embedding.arrays, "more": embedding.arrays["image"] * 2}
        return replace(embedding, arrays=more) if self.gains else None


class Plain:
    """A model that has no such way."""

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        raise AssertionError("nobody clicks")


class Desk:
    """Some images in memory, and turns that come when ``gate`` is open."""

    def __init__(self, mib: int = 4) -> None:
        self.model = Model()
        self.cache: dict[str, Embedding] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.now = 0.0
        self.images = PreparedImages(self.model, mib, self._behind, self.cache.__contains__, lambda: self.now)

    async def _behind(
        self, prepare: Callable[[Embedding], Embedding | None], embedding: Embedding
    ) -> Embedding | None:
        await self.gate.wait()
        return prepare(embedding)

    def click(self, key: str) -> Embedding:
        """What the click is decoded from."""
        embedding = self.cache.setdefault(key, image())
        found = self.images.of(key, embedding)
        self.images.clicked(key, embedding)
        return found

    async def settled(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_the_second_click_is_decoded_from_what_the_first_left() -> None:
    desk = Desk()
    assert set(desk.click("a").arrays) == {"image"}
    await desk.settled()
    second = desk.click("a")
    assert set(second.arrays) == {"image", "more"}
    await desk.settled()
    assert desk.click("a") is second
    assert desk.model.prepared_images == 1


async def test_clicks_that_come_meanwhile_begin_nothing() -> None:
    desk = Desk()
    desk.gate.clear()
    for _ in range(3):
        desk.click("a")
        await desk.settled()
    desk.gate.set()
    await desk.settled()
    assert desk.model.prepared_images == 1


async def test_an_image_that_was_replaced_or_encoded_again_is_prepared_again() -> None:
    desk = Desk()
    desk.click("a")
    await desk.settled()
    desk.cache["a"] = image(5)
    assert set(desk.click("a").arrays) == {"image"}
    await desk.settled()
    assert float(desk.click("a").arrays["more"][0]) == 10


async def test_what_is_kept_in_half_precision_stays_so_and_is_prepared_from_floats() -> None:
    desk = Desk()
    desk.cache["a"] = replace(image(), arrays={"image": np.ones(MIB, np.float16)})
    desk.click("a")
    await desk.settled()
    assert {name: str(array.dtype) for name, array in desk.click("a").arrays.items()} == {
        "image": "float16",
        "more": "float32",
    }


async def test_what_is_forgotten_leaves_nothing_not_even_of_work_that_is_under_way() -> None:
    desk = Desk()
    desk.click("a")
    await desk.settled()
    kept = desk.cache["a"]
    desk.images.forget("a")
    assert desk.images.of("a", kept) is kept
    desk.gate.clear()
    desk.click("a")
    await desk.settled()
    del desk.cache["a"]
    desk.images.forget("a")
    desk.gate.set()
    await desk.settled()
    assert desk.images.of("a", kept) is kept


async def test_of_more_images_in_work_than_have_room_none_is_prepared_in_vain() -> None:
    desk = Desk(mib=4)  # two images with what is added to them
    for key in "abcabcabc":
        desk.click(key)
        await desk.settled()
        desk.now += 1
    assert desk.model.prepared_images == 2
    assert [len(desk.click(key).arrays) for key in "abc"] == [2, 2, 1]


async def test_the_place_of_an_image_that_nobody_clicks_any_more_is_another_s() -> None:
    desk = Desk(mib=4)
    for key in "ab":
        desk.click(key)
        await desk.settled()
    desk.now += STAYS_S + 1
    desk.click("b")
    desk.click("c")
    await desk.settled()
    assert [len(desk.images.of(key, desk.cache[key]).arrays) for key in "abc"] == [1, 2, 2]
    desk.click("a")
    await desk.settled()
    assert desk.model.prepared_images == 3, "b was clicked just now"


async def test_what_is_larger_than_all_room_is_computed_and_not_kept() -> None:
    desk = Desk(mib=1)
    for _ in range(2):
        assert len(desk.click("a").arrays) == 1
        await desk.settled()
    assert desk.model.prepared_images == 1


async def test_few_wait_for_their_turn() -> None:
    desk = Desk(mib=100)
    desk.gate.clear()
    for number in range(AT_ONCE + 5):
        desk.click(str(number))
        await desk.settled()
    desk.gate.set()
    await desk.settled()
    assert desk.model.prepared_images == AT_ONCE


async def test_a_model_that_gains_nothing_is_asked_once() -> None:
    desk = Desk()
    desk.model.gains = False
    for key in "aab":
        desk.click(key)
        await desk.settled()
    assert desk.model.prepared_images == 1


async def test_a_failure_ends_it_with_a_sentence_but_memory_may_be_free_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.model.fails = OutOfMemory("no room")
    for _ in range(2):
        desk.click("a")
        await desk.settled()
    assert (desk.model.prepared_images, caplog.text) == (2, "")
    desk.model.fails = DeviceFailed("the runtime failed")
    for _ in range(2):
        desk.click("a")
        await desk.settled()
    assert desk.model.prepared_images == 3
    assert "no image is prepared for its next clicks, which take longer: the runtime failed" in caplog.text


async def test_without_room_or_without_a_way_nothing_is_prepared() -> None:
    off = Desk(mib=0)
    off.click("a")
    await off.settled()
    assert off.model.prepared_images == 0
    plain = PreparedImages(Plain(), 4, off._behind, lambda key: True)
    plain.clicked("a", image())
    await off.settled()
