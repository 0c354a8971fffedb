"""Sweeps are rare, one at a time, and nobody waits for them."""

from __future__ import annotations

import asyncio
import contextvars

from embeddings.schedule import OFTEN_S, RARELY_S, Schedule


class Sweeps:
    """Counts sweeps, which end when told to; a clock of its own."""

    def __init__(self) -> None:
        self.runs = 0
        self.seconds = 0.0
        self.end = asyncio.Event()
        self.end.set()
        self.schedule = Schedule(1000, lambda: self.seconds)

    async def sweep(self) -> None:
        self.runs += 1
        await self.end.wait()

    async def write(self, nbytes: int) -> int:
        """How many sweeps there were once so many bytes are written."""
        self.schedule.wrote(nbytes)
        self.schedule.start_if_due(self.sweep)
        for _ in range(3):
            await asyncio.sleep(0)
        return self.runs


async def test_the_first_is_due_at_once_and_the_next_in_its_time() -> None:
    sweeps = Sweeps()
    assert await sweeps.write(1) == 1
    assert await sweeps.write(999) == 1
    sweeps.seconds = OFTEN_S - 1
    assert await sweeps.write(1) == 1
    sweeps.seconds = OFTEN_S
    assert await sweeps.write(1) == 2


async def test_where_little_is_written_they_are_rarer() -> None:
    sweeps = Sweeps()
    assert await sweeps.write(1) == 1
    sweeps.seconds = RARELY_S - 1
    assert await sweeps.write(9) == 1
    assert await sweeps.write(1) == 2
    sweeps.seconds += RARELY_S
    assert await sweeps.write(1) == 3


async def test_one_at_a_time() -> None:
    sweeps = Sweeps()
    sweeps.end.clear()
    assert await sweeps.write(1) == 1
    sweeps.seconds = RARELY_S
    assert await sweeps.write(1000) == 1
    joined = sweeps.schedule.start(sweeps.sweep)
    sweeps.end.set()
    await joined
    assert sweeps.runs == 1


async def test_who_leaves_does_not_end_it() -> None:
    sweeps = Sweeps()
    sweeps.end.clear()
    sweeps.schedule.start(sweeps.sweep).cancel()
    joined = sweeps.schedule.start(sweeps.sweep)
    sweeps.end.set()
    await joined
    assert sweeps.runs == 1


async def test_closing_ends_it() -> None:
    sweeps = Sweeps()
    await sweeps.schedule.aclose()
    sweeps.end.clear()
    joined = sweeps.schedule.start(sweeps.sweep)
    await sweeps.schedule.aclose()
    assert joined.cancelled()


async def test_it_does_not_see_the_context_of_who_wrote() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="empty")
    variable.set("a request")
    seen: list[str] = []

    async def look() -> None:
        seen.append(variable.get())

    await Schedule(1000, lambda: 0.0).start(look)
    assert seen == ["empty"]
