"""Places at the door: bounded in all, and for one project."""

from __future__ import annotations

import asyncio

from concurrency.background import ProjectPlaces


class Work:
    """Holds a place until ``admission`` opens; counts who has one."""

    def __init__(self, most: int) -> None:
        self.places = ProjectPlaces(most)
        self.admission = asyncio.Event()
        self.inside: list[str] = []

    async def __call__(self, project: str) -> None:
        async with self.places.of(project):
            self.inside.append(project)
            await self.admission.wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_project_leaves_half_of_the_places_to_others() -> None:
    work = Work(4)
    tasks = [asyncio.create_task(work(project)) for project in ("1", "1", "1", "2", "3", "4")]
    await settled()
    assert sorted(work.inside) == ["1", "1", "2", "3"]
    work.admission.set()
    await asyncio.gather(*tasks)
    assert sorted(work.inside) == ["1", "1", "1", "2", "3", "4"]


async def test_who_leaves_while_waiting_takes_no_place_along() -> None:
    work = Work(2)
    [_, waiting] = [asyncio.create_task(work("1")) for _ in range(2)]
    await settled()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    other = asyncio.create_task(work("2"))
    await settled()
    assert work.inside == ["1", "2"]
    work.admission.set()
    await other


async def test_nothing_is_remembered_of_a_project_that_has_nothing_here() -> None:
    work = Work(2)
    work.admission.set()
    await asyncio.gather(*(work(str(number)) for number in range(100)))
    assert not work.places._projects
