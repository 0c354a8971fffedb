"""A client that sends more than can be worked on delays only itself."""

from __future__ import annotations

import asyncio

import pytest

from deployments.http.request_guard import ConnectionQueues


class Inside:
    """Requests that are let in and stay until they are told to leave."""

    def __init__(self, lines: ConnectionQueues) -> None:
        self.lines = lines
        self.came: list[str] = []
        self.leave = asyncio.Event()

    async def enter(self, address: str, name: str) -> None:
        async with self.lines.turn(address):
            self.came.append(name)
            await self.leave.wait()


async def test_over_a_number_an_address_waits_and_others_do_not() -> None:
    inside = Inside(ConnectionQueues(2))
    tasks = [asyncio.create_task(inside.enter("a", f"a{number}")) for number in range(4)]
    tasks.append(asyncio.create_task(inside.enter("b", "b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert inside.came == ["a0", "a1", "b"]
    inside.leave.set()
    await asyncio.gather(*tasks)
    assert inside.came == ["a0", "a1", "b", "a2", "a3"]
    assert len(inside.lines) == 0


async def test_who_leaves_the_line_is_forgotten() -> None:
    inside = Inside(ConnectionQueues(1))
    tasks = [asyncio.create_task(inside.enter("a", f"a{number}")) for number in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    inside.leave.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert inside.came == ["a0", "a2"]
    assert len(inside.lines) == 0
