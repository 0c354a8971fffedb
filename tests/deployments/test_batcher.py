from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.batcher import SHARE, Batcher
from values.priority import Priority


class Device:
    """Doubles numbers, in batches that it remembers; waits while ``admission`` is shut; refuses 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.admission = threading.Event()
        self.admission.set()
        self.busy = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.busy.release()
        self.admission.wait()
        if 13 in items:
            raise ValueError("13")
        return [2 * item for item in items]


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def occupied(made: Batcher[int, int], device: Device) -> asyncio.Task[int]:
    """The device has taken item 0 and does not come back before its admission opens."""
    device.admission.clear()
    first = asyncio.create_task(made.run("0", 0))
    await asyncio.to_thread(device.busy.acquire)
    return first


async def ask(
    made: Batcher[int, int], *items: int, priority: Priority = Priority.CLICK
) -> list[asyncio.Task[int]]:
    asked = [asyncio.create_task(made.run(str(item), item, priority)) for item in items]
    await asyncio.sleep(0)
    return asked


async def test_what_waits_when_the_device_is_free_is_one_batch(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 3)
    first = await occupied(made, device)
    rest = await ask(made, 1, 2, 3, 4)
    device.admission.set()
    assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8]
    assert device.batches == [[0], [1, 2, 3], [4]]


async def test_nobody_waits_for_a_batch_to_fill(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 8)
    assert [await made.run(str(item), item) for item in (1, 2)] == [2, 4]
    assert device.batches == [[1], [2]]


async def test_the_order_is_that_of_priorities_however_long_something_has_waited(
    thread: ThreadPoolExecutor,
) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    asked = [
        task
        for number, priority in enumerate(sorted(Priority, reverse=True), 1)
        for task in await ask(made, number, priority=priority)
    ]
    device.admission.set()
    await asyncio.gather(first, *asked)
    assert device.batches == [[0], [4], [3], [2], [1]]


async def test_free_places_in_a_batch_are_filled_with_what_nobody_waits_for(
    thread: ThreadPoolExecutor,
) -> None:
    device = Device()
    made = Batcher(device, thread, 2)
    first = await occupied(made, device)
    ahead = await ask(made, 1, 2, 3, priority=Priority.NEXT)
    urgent = await ask(made, 4)
    device.admission.set()
    await asyncio.gather(first, *ahead, *urgent)
    assert device.batches == [[0], [4, 1], [2, 3]]


@pytest.mark.parametrize("most", [1, 2])
async def test_while_clicks_wait_the_rest_gets_a_share_and_no_more(
    thread: ThreadPoolExecutor, most: int
) -> None:
    device = Device()
    made = Batcher(device, thread, most)
    first = await occupied(made, device)
    ahead = await ask(made, *range(100, 110), priority=Priority.LATER)
    urgent = await ask(made, *range(20, 20 + 8 * most))
    device.admission.set()
    await asyncio.gather(first, *ahead, *urgent)
    with_others = [any(item >= 100 for item in batch) for batch in device.batches]
    busy = with_others[1 : 1 + 8]  # batches that clicks alone would fill
    assert busy == [(number + 1) % SHARE == 0 for number in range(8)]


async def test_a_click_that_joins_raises_what_it_joins_and_shares_its_result(
    thread: ThreadPoolExecutor,
) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    ahead = await ask(made, 1, 2, 3, priority=Priority.NEXT)
    joined = await ask(made, 3)
    device.admission.set()
    assert await asyncio.gather(first, *ahead, *joined) == [0, 2, 4, 6, 6]
    assert device.batches == [[0], [3], [1], [2]]


async def test_who_asks_for_what_is_being_run_gets_its_result(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    joined = await ask(made, 0)
    device.admission.set()
    assert await asyncio.gather(first, *joined) == [0, 0]
    assert device.batches == [[0]]


async def test_one_that_cannot_be_run_fails_alone(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 3)
    first = await occupied(made, device)
    rest = await ask(made, 1, 13, 2)
    device.admission.set()
    await first
    one, poisoned, two = await asyncio.gather(*rest, return_exceptions=True)
    assert one == 2
    assert two == 4
    assert isinstance(poisoned, ValueError)


async def test_who_leaves_is_passed_over(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    leaving, staying = await ask(made, 1, 2)
    leaving.cancel()
    await asyncio.sleep(0)
    device.admission.set()
    assert list(await asyncio.gather(first, staying)) == [0, 4]
    assert device.batches == [[0], [2]]


async def test_when_the_click_leaves_what_is_left_waits_behind_clicks_again(
    thread: ThreadPoolExecutor,
) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    [ahead] = await ask(made, 1, priority=Priority.NEXT)
    [leaving] = await ask(made, 1)
    [staying] = await ask(made, 2)
    leaving.cancel()
    await asyncio.sleep(0)
    device.admission.set()
    await asyncio.gather(first, ahead, staying)
    assert device.batches == [[0], [2], [1]]


async def test_who_leaves_during_its_batch_harms_nobody(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    first.cancel()
    device.admission.set()
    assert await made.run("2", 2) == 4
