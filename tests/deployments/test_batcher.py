from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments import batcher
from deployments.batcher import Batcher


class Device:
    """Doubles numbers, in batches that it remembers; waits while ``gate`` is shut; refuses 13."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.busy.release()
        self.gate.wait()
        if 13 in items:
            raise ValueError("13")
        return [2 * item for item in items]


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def occupied(made: Batcher[int, int], device: Device) -> asyncio.Task[int]:
    """The device has taken item 0 and does not come back before its gate opens."""
    device.gate.clear()
    first = asyncio.create_task(made.run(0))
    await asyncio.to_thread(device.busy.acquire)
    return first


def ask(made: Batcher[int, int], *items: int, urgent: bool = True) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(made.run(item, urgent=urgent)) for item in items]


async def test_what_waits_when_the_device_is_free_is_one_batch(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 3)
    first = await occupied(made, device)
    rest = ask(made, 1, 2, 3, 4)
    await asyncio.sleep(0)
    device.gate.set()
    assert await asyncio.gather(first, *rest) == [0, 2, 4, 6, 8]
    assert device.batches == [[0], [1, 2, 3], [4]]


async def test_nobody_waits_for_a_batch_to_fill(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 8)
    assert [await made.run(item) for item in (1, 2)] == [2, 4]
    assert device.batches == [[1], [2]]


async def test_urgent_items_come_first(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 2)
    first = await occupied(made, device)
    ahead = ask(made, 1, 2, 3, urgent=False)
    await asyncio.sleep(0)
    urgent = ask(made, 4)
    await asyncio.sleep(0)
    device.gate.set()
    await asyncio.gather(first, *ahead, *urgent)
    assert device.batches == [[0], [4, 1], [2, 3]]


async def test_what_has_waited_for_long_is_urgent(
    thread: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher, "PATIENCE_S", -1.0)
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    ahead = ask(made, 1, urgent=False)
    await asyncio.sleep(0)
    urgent = ask(made, 2)
    await asyncio.sleep(0)
    device.gate.set()
    await asyncio.gather(first, *ahead, *urgent)
    assert device.batches == [[0], [1], [2]]


async def test_one_that_cannot_be_run_fails_alone(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 3)
    first = await occupied(made, device)
    rest = ask(made, 1, 13, 2)
    await asyncio.sleep(0)
    device.gate.set()
    await first
    one, poisoned, two = await asyncio.gather(*rest, return_exceptions=True)
    assert one == 2
    assert two == 4
    assert isinstance(poisoned, ValueError)


async def test_who_leaves_is_passed_over(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    leaving, staying = ask(made, 1, 2)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    device.gate.set()
    assert list(await asyncio.gather(first, staying)) == [0, 4]
    assert device.batches == [[0], [2]]


async def test_who_leaves_during_its_batch_harms_nobody(thread: ThreadPoolExecutor) -> None:
    device = Device()
    made = Batcher(device, thread, 1)
    first = await occupied(made, device)
    first.cancel()
    device.gate.set()
    assert await made.run(2) == 4
