"""Everything in a picture: found behind all clicks, and gone on with where somebody had to leave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from deployments import box_decoder
from deployments.box_decoder import BoxDecoder
from deployments.decode_queue import DecodeQueue
from deployments.everything_decoder import KEPT, MARGIN_S, EverythingDecoder
from protocol.controls import Output
from protocol.everything import WholePicture
from protocol.options import RegionOptions
from segmenters.automatic.filters import Filters
from values.embedding import Embedding
from values.errors import DeadlineExceeded, DeviceFailed
from values.image import ImageSource
from values.masks import Frame, Masks
from values.prompt import Prompt

SIZE = 32
SIDE = 4
PICTURE = WholePicture(ImageSource("a"), None, Output("BrushLabels", "brush", "image", ("Cat",)))
EMBEDDING = Embedding({"a": np.zeros((1, 2), np.float32)}, "fake-1", SIZE, SIZE, SIZE, SIZE)


def quadrant(prompt: Prompt) -> Masks:
    """The quarter of the picture that was clicked, rated by its place."""
    [[x, y]] = (prompt.points >= 0.5).astype(int).tolist()
    logits = np.full((1, SIZE, SIZE), -9, np.float32)
    half = SIZE // 2
    logits[:, y * half : (y + 1) * half, x * half : (x + 1) * half] = 9
    return Masks(logits, np.array([0.9 + 0.01 * x + 0.02 * y], np.float32), Frame(None, (SIZE, SIZE)))


class Model:
    """Counts clicks. ``before`` is called with the number of each."""

    def __init__(self) -> None:
        self.clicks = 0
        self.before: Callable[[int], object] = lambda number: None

    def __call__(self, _: Embedding, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        for prompt in prompts:
            self.clicks += 1
            self.before(self.clicks)
            yield quadrant(prompt)


class Desk:
    """A decoder with a clock that stands still."""

    def __init__(self, clicks: DecodeQueue | None = None, **regions: Any) -> None:
        self.model = Model()
        self.now = 0.0
        options = RegionOptions(**regions)
        boxes = BoxDecoder(self.model, options, clicks or DecodeQueue(2, 1.0), 2)
        self.decoder = EverythingDecoder(self.model, options, Filters(), boxes.behind, clock=lambda: self.now)

    async def masks(self, key: str = "k", until: float = 100.0, side: int = SIDE) -> Any:
        return await self.decoder.masks(key, EMBEDDING, PICTURE, side, until)

    def late_after(self, clicks: int) -> None:
        """The time of whoever waits is over at that click."""

        def before(number: int) -> None:
            self.now = 100.0 if number >= clicks else 0.0

        self.model.before = before


async def test_each_thing_is_found_once_the_best_first() -> None:
    desk = Desk()
    found = await desk.masks()
    assert [round(score, 2) for score in found.scores] == [0.93, 0.92, 0.91, 0.9]
    assert [len(regions) for regions in found.regions] == [1] * 4
    assert found.regions[0][0]["value"]["brushlabels"] == ["Cat"]
    assert found.regions[0][0]["original_width"] == SIZE
    assert (found.version, desk.model.clicks) == ("fake-1", SIDE**2)


async def test_who_cannot_wait_is_told_how_far_it_is_and_goes_on_from_there() -> None:
    desk = Desk()
    desk.late_after(5)
    with pytest.raises(DeadlineExceeded, match="5 of the grid's 16 points are done; ask again to go on"):
        await desk.masks()
    desk.model.before = lambda number: None
    desk.now = 0.0
    assert len((await desk.masks()).scores) == 4
    assert desk.model.clicks == SIDE**2
    await desk.masks()
    assert desk.model.clicks == 2 * SIDE**2, "an answer that was given is not kept"


async def test_pictures_and_grids_are_not_taken_for_each_other() -> None:
    desk = Desk()
    desk.late_after(1)
    for key, side in (("a", 4), ("a", 2), ("b", 4)):
        with pytest.raises(DeadlineExceeded, match=f"1 of the grid's {side**2}"):
            await desk.masks(key, side=side)
        desk.now = 0.0


async def test_only_so_many_pictures_are_kept() -> None:
    desk = Desk()
    desk.late_after(1)
    for number in range(KEPT + 1):
        desk.now = 0.0
        with pytest.raises(DeadlineExceeded):
            await desk.masks(str(number))
    desk.model.before, desk.now, before = lambda number: None, 0.0, desk.model.clicks
    await desk.masks(str(KEPT))
    assert desk.model.clicks - before == SIDE**2 - 1
    await desk.masks("0")
    assert desk.model.clicks - before == 2 * SIDE**2 - 1


async def test_no_point_is_clicked_while_somebody_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box_decoder, "PATIENCE_S", 600.0)
    clicks, gate, order = DecodeQueue(1, 1.0), threading.Event(), list[str]()
    desk = Desk(clicks)
    desk.model.before = lambda number: order.append("point")

    def somebody() -> None:
        assert gate.wait(60)
        order.append("click")

    finding = asyncio.create_task(desk.masks())
    while not order:
        await asyncio.sleep(0)
    clicking = asyncio.create_task(clicks.run(somebody))
    while not clicks.inside:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    before = len(order)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(order) == before, "at most the point that was begun is finished"
    gate.set()
    await asyncio.gather(clicking, finding)
    assert order.count("point") == SIDE**2
    assert order.index("click") < len(order) - 1


async def test_two_who_ask_for_the_same_share_it() -> None:
    desk = Desk()
    one, other = await asyncio.gather(desk.masks(), desk.masks())
    assert one.scores == other.scores
    assert desk.model.clicks == SIDE**2


async def test_who_hangs_up_leaves_what_was_found() -> None:
    desk, gate, begun = Desk(), threading.Event(), threading.Event()

    def before(number: int) -> None:
        if number == 3:
            begun.set()
            assert gate.wait(60)

    desk.model.before = before
    asking = asyncio.create_task(desk.masks())
    while not begun.is_set():
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    again = asyncio.create_task(desk.masks())
    for _ in range(20):
        await asyncio.sleep(0)
    gate.set()
    assert len((await again).scores) == 4
    assert desk.model.clicks == SIDE**2


async def test_a_second_one_does_not_wait_longer_than_it_may() -> None:
    desk, gate, begun = Desk(), threading.Event(), threading.Event()

    def before(number: int) -> None:
        begun.set()
        assert gate.wait(60)

    desk.model.before = before
    asking = asyncio.create_task(desk.masks())
    while not begun.is_set():
        await asyncio.sleep(0)
    with pytest.raises(DeadlineExceeded, match="0 of the grid's 16"):
        await desk.masks(until=MARGIN_S)
    gate.set()
    await asking


async def test_a_device_that_fails_ends_it_and_is_asked_again() -> None:
    desk = Desk()

    def before(number: int) -> None:
        if number == 2:
            raise DeviceFailed("it is broken")

    desk.model.before = before
    with pytest.raises(DeviceFailed):
        await desk.masks()
    assert len((await desk.masks()).scores) == 4
    assert desk.model.clicks == SIDE**2 + 1
