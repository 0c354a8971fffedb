from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest

from benchmarks.overload.__main__ import Weather, table, weather
from benchmarks.overload.open_loop import Load, Offered, Outcome, offer, post
from tests.benchmarks.printing import printed

CALM = {0: "mask"}
GOOD = Outcome(0.0, 1.0, 200, masks="mask")
LATE = Outcome(0.0, 3.0, 200, masks="mask")
WRONG = Outcome(0.0, 1.0, 200, masks="other")
REFUSED = Outcome(0.0, 0.01, 503, retry_after=True)
HEALTH = Outcome(0.0, 0.01, 200)


def of(
    *clicks: Outcome, health: Outcome = HEALTH, factor: float = 5.0, quick_again_s: float = 0.1
) -> Weather:
    return weather(factor, 10.0, Offered(list(clicks), [health], 1.0, quick_again_s, 0.25), CALM)


def test_what_was_answered_in_time_is_held_against_the_peak() -> None:
    found = of(*[GOOD] * 9, LATE, *[REFUSED] * 40)
    assert (found.offered_s, found.good_s, found.share) == (50.0, 9.0, 0.9)
    assert (found.late, found.refused, found.lost, found.wrong) == (1, 40, 0, 0)
    assert found.missed == []


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (of(*[GOOD] * 8, LATE), "80% of peak"),
        (of(*[GOOD] * 9, Outcome(0.0, 0.2, 503, retry_after=True)), "refusals take 200 ms"),
        (of(*[GOOD] * 9, Outcome(0.0, 0.01, 503)), "1 lost"),
        (of(*[GOOD] * 9, Outcome(0.0, 30.0, 0)), "1 lost"),
        (of(*[GOOD] * 9, WRONG), "1 WRONG"),
        (of(*[GOOD] * 9, health=Outcome(0.0, 0.3, 200)), "/health 300 ms"),
        (of(*[GOOD] * 9, health=Outcome(0.0, 0.01, 500)), "1 of /health failed"),
        (of(*[GOOD] * 9, quick_again_s=2.5), "quick after 2.5 s"),
    ],
)
def test_each_goal_is_judged(found: Weather, missed: str) -> None:
    assert found.missed == [missed]
    assert missed in " ".join(printed(table("overload", [found]), width=300).split())


def test_what_can_be_carried_may_be_all_that_comes() -> None:
    assert of(*[GOOD] * 5, factor=1.0).missed == []


ANSWER = b'{"results": [{"result": [{"id": "%d", "value": {"rle": [1, 2, 3]}}]}]}'


class Backend:
    """Answers requests in turn as told, over connections that it leaves open."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        else:
            number = (await reader.readexactly(1))[0]
            self.asked.append(bytes([number]))
            if number == ord("0"):
                body = ANSWER % len(self.asked)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body[:20])
                await writer.drain()
                writer.write(body[20:])
            elif number == ord("1"):
                writer.write(b"HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n")
            elif number == ord("2"):
                return
        await reader.read()


@pytest.fixture
def backend() -> Iterator[Backend]:
    backend = Backend()
    thread = threading.Thread(target=backend.loop.run_forever)
    thread.start()
    yield backend
    backend.loop.call_soon_threadsafe(backend.loop.stop)
    thread.join()
    backend.server.close()
    while tasks := asyncio.all_tasks(backend.loop):
        for task in tasks:
            task.cancel()
        backend.loop.run_until_complete(asyncio.wait(tasks))
    backend.loop.close()


def test_each_request_is_offered_in_turn_and_its_answer_read(backend: Backend) -> None:
    requests = [post("/predict", str(number).encode()) for number in range(3)]
    offered = offer(Load(backend.url, requests, 0.3, rate=100, leave_s=60, health_rate=50, quick_s=60.0))
    by_number = {each.number: each for each in offered.clicks}
    assert {n: (each.status, each.retry_after) for n, each in by_number.items()} == {
        0: (200, False),
        1: (503, True),
        2: (0, False),
    }
    # The ids of regions differ, the masks do not.
    assert len({each.masks for each in offered.clicks if each.number == 0}) == 1
    assert by_number[0].masks is not None
    assert {each.status for each in offered.health} == {200}


def test_who_asks_leaves_after_a_while(backend: Backend) -> None:
    load = Load(backend.url, [post("/predict", b"3")], 0.1, rate=50, leave_s=0.05, health_rate=0)
    offered = offer(load)
    assert {each.status for each in offered.clicks} == {0}


def test_clients_that_wait_for_their_answers_ask_one_after_the_other(backend: Backend) -> None:
    offered = offer(Load(backend.url, [post("/predict", b"0")], 0.2, clients=2, health_rate=0))
    assert {each.status for each in offered.clicks} == {200}
    assert offered.health == []
    assert len(backend.asked) == len(offered.clicks)
