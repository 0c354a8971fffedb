from __future__ import annotations

import asyncio

from concurrency.priority_slots import Urgency
from imaging.background_reads import READS, READS_OF_A_HOST, READS_OF_A_PROJECT, BackgroundReads, Read


class Readers:
    """Reads that go on until they are told to end."""

    def __init__(self) -> None:
        self._reads = BackgroundReads()
        self.begun: list[str] = []
        self.reads: dict[str, Read] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def add(
        self, name: str, host: str | None, urgency: Urgency | None = None, project: str | None = None
    ) -> None:
        async def read() -> None:
            whose = name if project is None else project
            async with self._reads.place(host, whose, urgency or Urgency(urgent=False)) as place:
                self.begun.append(name)
                self.reads[name] = place
                await asyncio.Event().wait()

        self.tasks[name] = asyncio.create_task(read())
        await turns()

    async def end(self, name: str) -> None:
        self.tasks[name].cancel()
        await turns()

    async def end_all(self) -> None:
        for name in self.tasks:
            await self.end(name)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_dead_host_takes_two_and_keeps_nobody_else_waiting() -> None:
    readers = Readers()
    for number in range(READS_OF_A_HOST + 3 * READS):
        await readers.add(f"dead {number}", "http://dead")
    for number in range(READS_OF_A_HOST):
        await readers.add(f"good {number}", "http://good")
    assert readers.begun == ["dead 0", "dead 1", "good 0", "good 1"]
    await readers.end("dead 0")
    assert readers.begun[4:] == ["dead 2"]
    await readers.end_all()


async def test_no_more_than_sixteen_whatever_the_host() -> None:
    readers = Readers()
    for number in range(READS + 2):
        await readers.add(str(number), f"http://host-{number}")
    assert len(readers.begun) == READS == 16
    await readers.add("a data: URL", None)
    await readers.end("0")
    await readers.end("1")
    assert readers.begun[READS:] == ["16", "17"]
    await readers.end("2")
    assert readers.begun[-1] == "a data: URL"
    await readers.end_all()


async def test_a_host_is_free_when_the_bytes_are_here() -> None:
    readers = Readers()
    for number in range(3):
        await readers.add(str(number), "http://host")
    readers.reads["0"].arrived()
    readers.reads["0"].arrived()
    await turns()
    assert readers.begun == ["0", "1", "2"]
    await readers.end_all()


async def test_urgent_ones_pass_and_do_not_count() -> None:
    readers = Readers()
    for number in range(READS):
        await readers.add(f"now {number}", "http://host", Urgency(urgent=True))
    await readers.add("later", "http://host")
    assert len(readers.begun) == READS + 1
    await readers.end_all()


async def test_promotion_lets_a_waiting_one_pass_and_a_begun_one_go_uncounted() -> None:
    readers, waits, begun = Readers(), Urgency(urgent=False), Urgency(urgent=False)
    await readers.add("begun", "http://host", begun)
    await readers.add("other", "http://host")
    await readers.add("waits", "http://host", waits)
    await readers.add("next", "http://host")
    waits.promote()
    await turns()
    assert readers.begun == ["begun", "other", "waits"]
    begun.promote()
    await turns()
    assert readers.begun == ["begun", "other", "waits", "next"]
    await readers.end_all()
    for number in range(READS_OF_A_HOST + 1):
        await readers.add(f"again {number}", "http://host")
    assert readers.begun[4:] == ["again 0", "again 1"]
    await readers.end_all()


async def test_who_leaves_while_waiting_takes_no_place() -> None:
    readers = Readers()
    for number in range(4):
        await readers.add(str(number), "http://host")
    await readers.end("2")
    await readers.end("0")
    assert readers.begun == ["0", "1", "3"]
    await readers.end_all()


async def test_a_project_whose_hosts_are_dead_leaves_half_to_the_others() -> None:
    readers = Readers()
    for number in range(READS):
        await readers.add(f"dead {number}", f"http://dead-{number}", project="66")
    assert len(readers.begun) == READS_OF_A_PROJECT
    await readers.add("good", "http://good", project="1")
    assert readers.begun[-1] == "good"
    await readers.end("dead 0")
    assert readers.begun[-1] == f"dead {READS_OF_A_PROJECT}"
    await readers.end_all()
