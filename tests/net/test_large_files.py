from __future__ import annotations

import asyncio

import pytest

from concurrency.priority_slots import Urgency
from net.large_files import AT_ONCE, KEPT_FOR_URGENT, OF_A_PROJECT, OF_A_PROJECTS_HOST, LargeFiles
from values.errors import Overloaded


class Files:
    """Files that have grown large and are not decoded."""

    def __init__(self, patience_s: float = 60) -> None:
        self._large = LargeFiles(patience_s)
        self.held: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def add(self, project: str, host: str, count: int = 1, *, urgent: bool = True) -> None:
        async def read() -> None:
            async with self._large.one(project, host, Urgency(urgent)) as grows:
                await grows()
                await grows()  # a second time changes nothing
                self.held.append(project)
                await asyncio.Event().wait()

        self.tasks += [asyncio.create_task(read()) for _ in range(count)]
        for _ in range(5):
            await asyncio.sleep(0)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_host_and_a_project_leave_room_for_others() -> None:
    files = Files()
    await files.add("66", "http://bad", 20)
    assert len(files.held) == OF_A_PROJECTS_HOST
    for number in range(20):
        await files.add("66", f"http://bad-{number}")
    assert len(files.held) == OF_A_PROJECT
    await files.add("1", "http://good")
    assert files.held[-1] == "1"
    await files.end()


async def test_what_nobody_waits_for_leaves_room_for_clicks() -> None:
    files = Files()
    for number in range(AT_ONCE):
        await files.add(f"{number}", "http://host", urgent=False)
    assert len(files.held) == AT_ONCE - KEPT_FOR_URGENT
    await files.add("1", "http://host")
    assert len(files.held) == AT_ONCE - KEPT_FOR_URGENT + 1
    await files.end()


async def test_a_place_is_held_until_the_end_and_not_waited_for_for_ever() -> None:
    files = Files(patience_s=0.01)
    await files.add("66", "http://host", OF_A_PROJECTS_HOST + 1)
    with pytest.raises(Overloaded, match="too many large images are being read"):
        await files.tasks[-1]
    files.tasks[0].cancel()
    await files.add("66", "http://host")
    assert len(files.held) == OF_A_PROJECTS_HOST + 1
    await files.end()
