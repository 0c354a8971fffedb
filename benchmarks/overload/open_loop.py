"""A client that offers requests at a fixed rate, whether or not they are answered.

Like Label Studio it opens a connection for each. It stands for people with machines of their own, so it must
never wait for a core: it runs in a process of its own, spends little on a request, and takes real-time
priority where it may (as root on Linux). Niceness is not enough: Linux divides the cores among sessions first
(autogroup), and on two full cores the client waited up to .4 s with an answer in its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import cycle
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from testing import processes

ROOT = Path(__file__).resolve().parents[2]
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_MASKS = re.compile(rb'"rle": ?\[[0-9, ]*\]')


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    ``at``: seconds since the load began. ``seconds``: until the answer came or the client left.
    ``status``: of HTTP; 0 for none. ``retry_after``: whether the header came. ``masks``: a digest of the
    masks in the answer, None without any. ``number``: which of the requests it was.
    """

    at: float
    seconds: float
    status: int
    retry_after: bool = False
    masks: str | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """Requests offered to ``url`` in turn for some seconds: ``rate`` a second, or from ``clients`` that each
    wait for an answer before the next request, and send one at least. ``leave_s``: when a client leaves
    without an answer.

    Meanwhile /health is asked ``health_rate`` times a second. ``quick_s``: after the load, clicks are sent
    one after another until one is answered within this time; 0: none are sent.
    """

    url: str
    requests: Sequence[bytes]
    seconds: float
    rate: float = 0.0
    clients: int = 0
    leave_s: float = 30.0
    health_rate: float = 20.0
    quick_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Offered:
    """The outcomes of a load, and of /health meanwhile.

    ``seconds``: how long it was offered. ``quick_again_s``: from its end until a click was answered quickly.
    ``client_cores``: how much of the machine the client itself took while the load was offered, in cores.
    """

    clicks: list[Outcome]
    health: list[Outcome]
    seconds: float
    quick_again_s: float
    client_cores: float


def post(path: str, body: bytes) -> bytes:
    """A request as `requests.post(url, json=...)` sends it."""
    head = f"POST {path} HTTP/1.1\r\nHost: backend\r\nUser-Agent: python-requests\r\nAccept: */*\r\n"
    head += f"Connection: keep-alive\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def get(path: str) -> bytes:
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: backend\r\nAccept: */*\r\n\r\n".encode()


def offer(load: Load) -> Offered:
    """Offer the load from a process of its own, where no other thread holds the interpreter."""
    # Not with multiprocessing, whose children import whatever the main module imports, which may take
    # seconds.
    command = [sys.executable, "-c", "from benchmarks.overload.open_loop import main; main()"]
    done = subprocess.run(command, input=pickle.dumps(load), stdout=subprocess.PIPE, check=True, cwd=ROOT)
    offered: Offered = pickle.loads(done.stdout)
    return offered


def main() -> None:
    """Read a pickled load from stdin, offer it, and write its outcomes to stdout."""
    load: Load = pickle.load(sys.stdin.buffer)
    processes.come_first()
    sys.stdout.buffer.write(pickle.dumps(uvloop.run(_Client(load).run())))
    sys.stdout.buffer.flush()  # here an error ends the process with its traceback


class _Client:
    def __init__(self, load: Load) -> None:
        self._load = load
        parts = urlsplit(load.url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._of_clicks: list[Outcome] = []
        self._of_health: list[Outcome] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = 0.0

    async def run(self) -> Offered:
        load = self._load
        self._started, spent = time.perf_counter(), time.process_time()
        health = asyncio.create_task(self._at_rate(load.health_rate, lambda: self._start(self._health())))
        if load.clients:
            await asyncio.gather(*(self._in_turn(number) for number in range(load.clients)))
        else:
            await self._at_rate(load.rate, self._clicks())
        seconds = time.perf_counter() - self._started
        cores = (time.process_time() - spent) / seconds
        again = await self._until_quick() if load.quick_s else 0.0
        await health
        while self._tasks:
            await asyncio.wait(self._tasks)
        return Offered(self._of_clicks, self._of_health, seconds, again, cores)

    async def _until_quick(self) -> float:
        started = time.perf_counter()
        while time.perf_counter() - started < self._load.leave_s:
            outcome = await self._ask(self._load.requests[0])
            if outcome.status == 200 and outcome.seconds <= self._load.quick_s:
                break
            await asyncio.sleep(0.05)
        return time.perf_counter() - started

    def _clicks(self) -> Callable[[], None]:
        numbers = cycle(range(len(self._load.requests)))
        return lambda: self._start(self._click(next(numbers)))

    async def _click(self, number: int) -> None:
        self._of_clicks.append(await self._ask(self._load.requests[number], number))

    async def _health(self) -> None:
        self._of_health.append(await self._ask(get("/health")))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _at_rate(self, rate: float, start: Callable[[], None]) -> None:
        """At random times, as people who know nothing of each other do."""
        if not rate:
            return
        chance = random.Random(0)
        due = self._started
        while due < self._started + self._load.seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            start()
            due += chance.expovariate(rate)

    async def _in_turn(self, number: int) -> None:
        requests = len(self._load.requests)
        await self._click(number % requests)
        while time.perf_counter() < self._started + self._load.seconds:
            number += 1
            await self._click(number % requests)

    async def _ask(self, request: bytes, number: int = 0) -> Outcome:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        done: asyncio.Future[bytes] = loop.create_future()
        answer = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._load.leave_s):
                transport, _ = await loop.create_connection(lambda: _Exchange(request, done), *self._address)
                try:
                    answer = await done
                finally:
                    transport.abort()
        return _outcome(started - self._started, time.perf_counter() - started, answer, number)


class _Exchange(asyncio.Protocol):
    """One request and its answer."""

    def __init__(self, request: bytes, done: asyncio.Future[bytes]) -> None:
        self._request = request
        self._done = done
        self._parts: list[bytes] = []
        self._missing = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        # Not of this class where uvloop makes it.
        cast(asyncio.WriteTransport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count down to the end of the answer."""
        self._parts.append(data)
        if self._missing < 0:
            head, end, body = b"".join(self._parts).partition(b"\r\n\r\n")
            if not end:
                return
            length = _LENGTH.search(head)
            self._missing = (int(length[1]) if length else 0) - len(body)
        else:
            self._missing -= len(data)
        if self._missing <= 0 and not self._done.done():
            self._done.set_result(b"".join(self._parts))

    def connection_lost(self, error: Exception | None) -> None:
        """Count a partial answer as none."""
        if not self._done.done():
            self._done.set_result(b"")


def _outcome(at: float, seconds: float, answer: bytes, number: int) -> Outcome:
    if not answer:
        return Outcome(at, seconds, 0, number=number)
    head, _, body = answer.partition(b"\r\n\r\n")
    masks = _MASKS.findall(body)
    digest = blake2b(b"".join(masks), digest_size=8).hexdigest() if masks else None
    return Outcome(at, seconds, int(head[9:12]), _RETRY.search(head) is not None, digest, number)
