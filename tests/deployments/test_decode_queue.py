"""How long the clicks that wait to be decoded are let wait."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from deployments.decode_queue import FEW, HEADROOM, DecodeQueue


class Work:
    """Decodes that take as long as the test wants."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.admission = threading.Event()
        self.running = threading.Semaphore(0)

    def decode(self, number: int) -> int:
        self.begun.append(number)
        self.running.release()
        assert self.admission.wait(60)
        return number


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.admission.set()


async def settled(queue: DecodeQueue, inside: int) -> None:
    while queue.inside != inside:
        await asyncio.sleep(0)


async def test_the_oldest_comes_first(work: Work) -> None:
    queue = DecodeQueue(1, 1.5)
    tasks = [asyncio.create_task(queue.run(work.decode, number)) for number in range(5)]
    work.admission.set()
    assert await asyncio.gather(*tasks) == work.begun == list(range(5))


async def test_an_error_is_the_callers() -> None:
    queue = DecodeQueue(1, 1.5)
    with pytest.raises(ZeroDivisionError):
        await queue.run(lambda: 1 // 0)
    assert queue.inside == 0


async def test_the_wait_is_what_is_queued_times_what_a_decode_takes_by_threads(work: Work) -> None:
    queue = DecodeQueue(2, 1.5)
    for _ in range(100):
        queue.took(0.3)
    tasks = [asyncio.create_task(queue.run(work.decode, number)) for number in range(12)]
    await settled(queue, 12)
    # Eleven more are begun before a further one is, .15 s apart.
    assert queue.state.wait_s == pytest.approx(11 * 0.3 / 2)
    assert queue.state.interval_s == pytest.approx(0.15)
    work.admission.set()
    await asyncio.gather(*tasks)
    assert queue.state.wait_s == 0


async def test_it_is_full_by_time_and_not_by_number(work: Work) -> None:
    slow, quick = DecodeQueue(2, 1.5), DecodeQueue(2, 1.5)
    for _ in range(100):
        slow.took(1.0)
        quick.took(0.001)
    tasks = [asyncio.create_task(each.run(work.decode, n)) for each in (slow, quick) for n in range(8)]
    await settled(quick, 8)
    assert (slow.full, quick.full) == (True, False)
    work.admission.set()
    await asyncio.gather(*tasks)
    assert not slow.full


async def test_an_idle_thread_is_never_refused(work: Work) -> None:
    queue = DecodeQueue(2, 1.5)
    queue.took(1000.0)
    task = asyncio.create_task(queue.run(work.decode, 0))
    await settled(queue, 1)
    assert not queue.full
    work.admission.set()
    await task


def test_one_slow_decode_is_forgotten() -> None:
    queue = DecodeQueue(1, 1.5)
    for seconds in [0.01] * 20 + [3.0] + [0.01] * 40:
        queue.took(seconds)
    assert queue.state.interval_s < 0.02


async def test_who_leaves_is_not_decoded_and_who_is_decoded_keeps_a_thread_busy(work: Work) -> None:
    queue = DecodeQueue(1, 1.5)
    tasks = [asyncio.create_task(queue.run(work.decode, number)) for number in range(200)]
    await settled(queue, 200)
    await asyncio.to_thread(work.running.acquire)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert queue.inside == 1
    work.admission.set()
    await queue.run(work.decode, 200)
    assert work.begun == [0, 200]


def test_the_limit_of_the_door_comes_first() -> None:
    assert HEADROOM > 1


async def test_a_few_clicks_wait_however_slow_decodes_are(work: Work) -> None:
    queue = DecodeQueue(1, 1.0)
    for _ in range(100):
        queue.took(30)
    tasks = []
    for number in range(1 + FEW):
        assert not queue.full
        tasks.append(asyncio.create_task(queue.run(work.decode, number)))
        await settled(queue, number + 1)
    tasks.append(asyncio.create_task(queue.run(work.decode, 99)))
    await settled(queue, 2 + FEW)
    assert queue.full
    work.admission.set()
    await asyncio.gather(*tasks)


async def test_it_is_idle_when_the_last_one_has_left(work: Work) -> None:
    queue = DecodeQueue(2, 1.5)
    await queue.idle(600)
    tasks = [asyncio.create_task(queue.run(work.decode, number)) for number in range(3)]
    await settled(queue, 3)
    idle = [asyncio.create_task(queue.idle(600)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in idle)
    work.admission.set()
    await asyncio.gather(*tasks, *idle)
    assert queue.inside == 0


async def test_idleness_is_waited_for_so_long_and_no_longer(work: Work) -> None:
    queue = DecodeQueue(1, 1.5)
    busy = asyncio.create_task(queue.run(work.decode, 1))
    await settled(queue, 1)
    await queue.idle(0.001)
    assert queue.inside == 1
    work.admission.set()
    await busy
