"""The short form of `make fuzz`, and that what is wrong is found."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.fuzz.bodies import MOST_BYTES, real
from benchmarks.fuzz.requests import Request, request
from benchmarks.fuzz.run import GROWTH_MIB, Run, run, wrong_with
from benchmarks.fuzz.targets import ROUTES, Answer, InProcess, OverHttp, _read
from pages.files import read_files

JSON = "application/json"


def unseen(told: Run, request: Request) -> None:
    """Nobody watches."""


@pytest.mark.slow
async def test_a_thousand_requests_that_nobody_would_send() -> None:
    with InProcess() as target:
        told = await run(target, 3, range(1000), unseen, limit_s=60)
    assert told.findings == []
    assert told.growth_mib <= GROWTH_MIB
    assert told.count == sum(told.statuses.values()) == 1000
    # They get in as well: neither all are refused at the door nor all are honest.
    assert {200, 400, 401, 404, 405, 413, 422} <= set(told.statuses)
    assert told.statuses[200] >= 100


@pytest.mark.slow
def test_a_request_is_made_of_its_seed_and_number_and_they_are_all_kinds() -> None:
    made = [request(1, number, ROUTES) for number in range(800)]
    assert made[:100] == [request(1, number, ROUTES) for number in range(100)]
    assert made[:100] != [request(2, number, ROUTES) for number in range(100)]
    assert {route for route, _ in real()} == {
        "/setup",
        "/webhook",
        "/predict",
        "/embed",
        "/forget",
        "/preannotate",
        "/phrases",
    }
    assert set(ROUTES) <= {one.path for one in made}
    assert len({one.verb for one in made}) > 8
    assert len({name for one in made for name, _ in one.headers}) > 20
    assert max(sum(map(len, one.chunks)) for one in made) <= MOST_BYTES
    assert any(one.leaves for one in made)


def test_the_routes_over_http_are_those_of_the_application() -> None:
    assert {path.rstrip("/") or "/" for path in InProcess().routes} == set(ROUTES)


GOOD = replace(request(1, 0, ROUTES), leaves=False)
ERROR: dict[str, Any] = {"error": "bad_request", "detail": "a sentence"}


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (Answer(200, JSON, b"{}"), ""),
        (Answer(400, JSON, json.dumps(ERROR).encode()), ""),
        (Answer(502, JSON, json.dumps({**ERROR, "error": "image_unreachable"}).encode()), ""),
        (Answer(500, JSON, json.dumps({**ERROR, "error": "internal"}).encode()), "500 internal: a sentence"),
        (Answer(503, JSON, json.dumps({**ERROR, "error": "overloaded"}).encode()), "503 overloaded"),
        (Answer(502, JSON, json.dumps({**ERROR, "error": "internal"}).encode()), "502 internal"),
        (Answer(200, JSON, b"<html>"), "no JSON object"),
        (Answer(200, "text/html", b"{}"), "no JSON object"),
        (Answer(200, "text/html", read_files()["status.html"].content), ""),
        (Answer(500, "", b""), "500 without a body"),
        (Answer(400, JSON, b"{}"), "without a code and a sentence"),
        (Answer(400, JSON, json.dumps({**ERROR, "detail": "Traceback (most"}).encode()), "is no line"),
        (Answer(400, JSON, json.dumps({**ERROR, "detail": "a\nb"}).encode()), "is no line"),
    ],
)
def test_what_is_wrong_with_an_answer(answer: Answer, wrong: str) -> None:
    one = Request(0, "POST", "/predict", b"", (), (b"{}",))
    found = wrong_with(one, answer)
    assert wrong in found
    assert bool(found) == bool(wrong)


class Bad:
    """Hangs, breaks, answers with a 500, in turn."""

    routes: Sequence[str] = ROUTES

    def __enter__(self) -> Bad:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def send(self, request: Request) -> Answer:
        if request.number % 3 == 0:
            await asyncio.Event().wait()
        if request.number % 3 == 1:
            raise RuntimeError("broken")
        return Answer(500, JSON, json.dumps({**ERROR, "error": "internal"}).encode())

    async def settle(self) -> None:
        pass

    def unforeseen(self) -> str:
        return ""


async def test_what_is_wrong_is_told_with_its_seed_and_number() -> None:
    told = await run(Bad(), 9, range(4711, 4714), unseen, limit_s=0.01)
    assert not told.is_kept
    text = "\n".join(told.findings)
    # Not how many are told of each: a machine that stands still also holds the event loop.
    for number in (4711, 4712, 4713):
        assert f"seed 9, request {number}: " in text
    for sentence in ("no answer within 0.01 s", "raised RuntimeError: broken", "500"):
        assert sentence in text


HANGS = """
import time
from benchmarks.fuzz.requests import request
from benchmarks.fuzz.watch import Watch
watch = Watch(5, {limit}, {most})
watch.sees(request(5, 7, ["/"]))
eaten = bytearray({eaten})
time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "most", "eaten", "says"),
    [(0.01, 1000, 0, "the event loop is held"), (60, 50, 300 * 2**20, "memory is over")],
)
def test_the_watch_ends_what_nothing_else_ends(limit: float, most: float, eaten: int, says: str) -> None:
    program = HANGS.format(limit=limit, most=most, eaten=eaten)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert ended.returncode == 1
    assert "seed 5, request 7: " in ended.stderr
    assert says in ended.stderr


async def test_over_http_the_answer_is_read_from_the_wire() -> None:
    came: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        body = b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n'
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" + body
        )
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await OverHttp(f"http://127.0.0.1:{port}").send(
            Request(0, "POST", "/a b", b"x=1", (), (b"{}",))
        )
    assert found == Answer(200, "application/json", b'{"a": 1}')
    assert came[0].startswith(b"POST /a%20b?x=1 HTTP/1.1\r\n")
    assert b"content-length: 2\r\n" in came[0]


def test_what_is_no_http_is_refused_by_others_in_their_own_words() -> None:
    refused = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\n\r\n<html>"
    assert wrong_with(GOOD, _read(refused)) == ""
    failed = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n\r\n<html>"
    assert "no JSON object" in wrong_with(GOOD, _read(failed))
    assert _read(b"what?").status == 0


@pytest.mark.parametrize("address", ["https://127.0.0.1", "http://10.0.0.7:9090", "http://example.org"])
def test_only_this_machine_is_fuzzed(address: str) -> None:
    with pytest.raises(ValueError, match="nothing else is fuzzed"):
        OverHttp(address)
