from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from concurrency.abandonable import AbandonableWorker
from concurrency.priority_slots import Urgency
from values.errors import ImageCorrupt, ImageTimeout, Overloaded


async def test_results_and_errors_come_back_from_another_thread() -> None:
    worker = AbandonableWorker(2, 10, "testing")
    assert await worker.run(threading.get_ident) != threading.get_ident()

    def fail() -> None:
        raise ImageCorrupt("broken")

    with pytest.raises(ImageCorrupt, match="broken"):
        await worker.run(fail)


async def test_stuck_work_is_given_up_on_and_keeps_its_place_until_it_ends() -> None:
    worker = AbandonableWorker(1, 0.05, "testing")
    release = threading.Event()
    with pytest.raises(ImageTimeout, match="testing took longer than"):
        await worker.run(release.wait)
    with pytest.raises(Overloaded):
        await worker.run(lambda: 1)
    release.set()
    while True:
        try:
            assert await worker.run(lambda: 1) == 1
            break
        except Overloaded:
            await asyncio.sleep(0)


async def test_never_more_than_its_threads_at_once() -> None:
    worker = AbandonableWorker(2, 10, "testing")
    both = threading.Barrier(2)
    lock = threading.Lock()
    running = most = 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1

    await asyncio.gather(*(worker.run(work) for _ in range(6)))
    assert most == 2


async def test_a_caller_that_leaves_gives_its_place_back() -> None:
    worker = AbandonableWorker(1, 10, "testing")
    started, release = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait()

    task = asyncio.create_task(worker.run(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await worker.run(lambda: 2) == 2


async def test_what_somebody_waits_for_goes_first_and_what_is_promoted_too() -> None:
    worker, order = AbandonableWorker(1, 10, "testing"), list[str]()
    release, joined = threading.Event(), Urgency(urgent=False)
    held = asyncio.create_task(worker.run(release.wait))
    await asyncio.sleep(0)
    asked: list[tuple[str, bool | Urgency]] = [("later", False), ("joined", joined), ("now", True)]
    waiting = [asyncio.create_task(worker.run(partial(order.append, name), urgent)) for name, urgent in asked]
    await asyncio.sleep(0)
    joined.promote()
    release.set()
    await asyncio.gather(held, *waiting)
    assert order == ["joined", "now", "later"]


async def test_no_thread_is_the_machines_fault_and_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = AbandonableWorker(1, 10, "testing")

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Overloaded, match="no thread could be started for testing"):
            await worker.run(lambda: 1)
    assert await worker.run(lambda: 1) == 1
