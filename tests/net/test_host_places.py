from __future__ import annotations

import asyncio

import pytest

from net.host_places import (
    AT_ONCE,
    KEPT_FOR_URGENT,
    OF_A_HOST,
    OF_A_PROJECT,
    OF_A_PROJECT_AT_A_HOST,
    HostPlaces,
)
from values.errors import Overloaded


class Asking:
    """Those who wait for a host's answer, which never comes; ``begun`` has who got a place."""

    def __init__(self, patience_s: float = 60) -> None:
        self._places = HostPlaces(patience_s)
        self.begun: list[tuple[str, str]] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, host: str, project: str, count: int = 1, *, urgent: bool = True) -> None:
        async def wait() -> None:
            async with self._places.at(host, project, urgent):
                self.begun.append((host, project))
                await asyncio.Event().wait()

        self.tasks += [asyncio.create_task(wait()) for _ in range(count)]
        for _ in range(5):
            await asyncio.sleep(0)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.mark.slow
async def test_those_who_want_something_of_a_host_that_stalls_wait_alone() -> None:
    asking = Asking()
    for project in range(100):
        await asking.ask("http://stalls", f"{project}", 10)
    assert len(asking.begun) == OF_A_HOST
    await asking.ask("http://well", "1")
    assert asking.begun[-1] == ("http://well", "1")
    await asking.end()


async def test_a_project_leaves_room_at_a_host_and_in_all() -> None:
    asking = Asking()
    await asking.ask("http://studio", "66", 100)
    assert len(asking.begun) == OF_A_PROJECT_AT_A_HOST
    await asking.ask("http://studio", "1")
    assert asking.begun[-1] == ("http://studio", "1")
    for number in range(AT_ONCE):
        await asking.ask(f"http://host-{number}", "66")
    assert len([each for each in asking.begun if each[1] == "66"]) == OF_A_PROJECT
    await asking.ask("http://another", "1")
    assert asking.begun[-1] == ("http://another", "1")
    await asking.end()


async def test_what_nobody_waits_for_leaves_room_for_clicks() -> None:
    asking = Asking()
    for number in range(AT_ONCE):
        await asking.ask(f"http://host-{number}", f"{number}", urgent=False)
    assert len(asking.begun) == AT_ONCE - KEPT_FOR_URGENT
    await asking.ask("http://well", "1")
    assert asking.begun[-1] == ("http://well", "1")
    await asking.end()


async def test_who_leaves_frees_the_place_and_who_waits_too_long_is_told_of_the_host() -> None:
    asking = Asking(patience_s=0.01)
    await asking.ask("http://stalls", "1", OF_A_PROJECT_AT_A_HOST + 1)
    with pytest.raises(Overloaded, match=r"http://stalls is slow to answer earlier requests"):
        await asking.tasks[-1]
    asking.tasks[0].cancel()
    await asyncio.sleep(0)
    await asking.ask("http://stalls", "1")
    assert len(asking.begun) == OF_A_PROJECT_AT_A_HOST + 1
    await asking.end()
