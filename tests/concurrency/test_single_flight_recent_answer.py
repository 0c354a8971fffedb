"""One question for all who ask within a while."""

from __future__ import annotations

import asyncio

import pytest

from concurrency.single_flight import RecentAnswer


class Asked:
    """Answers how often it was asked, once it may."""

    def __init__(self) -> None:
        self.times = 0
        self.now = 100.0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.times += 1
        number = self.times
        await self.may_answer.wait()
        if self.error:
            raise self.error
        return number


async def test_it_is_asked_once_in_a_while() -> None:
    asked = Asked()
    recent = RecentAnswer(asked, 10, lambda: asked.now)
    assert [await recent.answer(), await recent.answer()] == [1, 1]
    asked.now += 9.9
    assert await recent.answer() == 1
    asked.now += 0.2
    assert await recent.answer() == 2


async def test_who_asks_meanwhile_waits_for_the_same_answer_however_long_it_takes() -> None:
    asked = Asked()
    asked.may_answer.clear()
    recent = RecentAnswer(asked, 10, lambda: asked.now)
    first = asyncio.create_task(recent.answer())
    await asyncio.sleep(0)
    asked.now += 60
    second = asyncio.create_task(recent.answer())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    asked.may_answer.set()
    assert await second == 1


async def test_a_failure_is_shared_too() -> None:
    asked = Asked()
    asked.error = ValueError("broken")
    recent = RecentAnswer(asked, 10, lambda: asked.now)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            await recent.answer()
    assert asked.times == 1
