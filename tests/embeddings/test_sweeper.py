"""Two decoders never sweep a place both, a dead one is replaced, and a failed sweep is not made by all."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings import sweeper
from embeddings.durable_location import Folder, Place
from embeddings.leftovers import GoOn
from embeddings.retention import Bounds
from embeddings.sweep_schedule import LAST_SWEEP, OFTEN_S, Schedule
from embeddings.sweeper import Sweeper
from embeddings.sweeper_lease import DEAD_S, FOLDER, SweeperLease

HANGS = """
import asyncio, sys, time
from pathlib import Path
from obstore.store import LocalStore
from embeddings.sweeper_lease import SweeperLease

asyncio.run(SweeperLease(5.0, time.monotonic).take(LocalStore(Path(sys.argv[1]))))
print("sweeping", flush=True)
sys.stdin.read()
"""


class Decoders:
    """So many sweepers of one folder, with a clock; a sweep lasts until it is let go on."""

    def __init__(self, folder: Path, count: int) -> None:
        self.seconds = 0.0
        self.sweeping = 0
        self.most = 0
        self.done = 0
        self.failures: list[str] = []
        self.error: Exception | None = None
        self.may_end = asyncio.Event()
        self.sweepers = [self._sweeper(Folder(folder)) for _ in range(count)]

    def _sweeper(self, place: Place) -> Sweeper:
        clock: Callable[[], float] = lambda: self.seconds  # noqa: E731
        return Sweeper(
            place,
            lambda: place.open(5.0),
            Bounds(10**9, 1e6),
            Schedule(1000, clock, lambda: 0.5),
            SweeperLease(5.0, clock),
            5.0,
            now=lambda: 1e9 + self.seconds,
            failed=self.failures.append,
            worked=lambda: None,
        )

    async def sweep_place(
        self, place: Place, store: object, bounds: Bounds, now: float, timeout_s: float, go_on: GoOn
    ) -> int:
        self.sweeping += 1
        self.most = max(self.most, self.sweeping)
        try:
            await self.may_end.wait()
            await go_on()
            if self.error is not None:
                raise self.error
            self.done += 1
        finally:
            self.sweeping -= 1
        return 0

    async def sweep_all(self) -> None:
        """All find at the same time that a sweep is due; returns when it has begun."""
        self.may_end.clear()
        self.begun = [each.start() for each in self.sweepers]
        await asyncio.wait(self.begun, return_when=asyncio.FIRST_COMPLETED)

    async def end(self) -> None:
        self.may_end.set()
        await asyncio.gather(*self.begun)


@pytest.fixture
def decoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decoders:
    found = Decoders(tmp_path, 4)
    monkeypatch.setattr(sweeper, "sweep_place", found.sweep_place)
    return found


async def test_two_never_sweep_at_once(decoders: Decoders) -> None:
    for time in range(1, 4):
        await decoders.sweep_all()
        await decoders.end()
        assert (decoders.most, decoders.done) == (1, time)
    assert decoders.failures == []


async def test_one_that_is_slow_is_replaced_and_stops(decoders: Decoders, tmp_path: Path) -> None:
    slow, other, *_ = decoders.sweepers
    sweep = slow.start()
    await until(lambda: decoders.sweeping == 1)
    await other.start()  # sees it
    decoders.seconds += DEAD_S
    replaced = other.start()
    await until(lambda: decoders.sweeping == 2)
    decoders.may_end.set()
    await asyncio.gather(sweep, replaced)
    assert (decoders.done, decoders.failures) == (1, [])
    assert (tmp_path / LAST_SWEEP).exists()


async def test_a_place_that_fails_is_not_swept_by_all_in_turn(decoders: Decoders, tmp_path: Path) -> None:
    decoders.error = PermissionError("denied (os error 13)")
    decoders.may_end.set()
    await decoders.sweepers[0].start()
    assert len(decoders.failures) == 1
    assert (tmp_path / LAST_SWEEP).exists()
    [term] = (tmp_path / FOLDER).iterdir()
    assert not json.loads(term.read_text())["sweeping"]


async def until(true: Callable[[], bool]) -> None:
    """Lets others work until it is so."""
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0)


@pytest.mark.slow
async def test_one_that_was_killed_is_replaced(decoders: Decoders, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"sweeping\n"
        process.send_signal(signal.SIGKILL)
    decoders.may_end.set()
    first, second, *_ = decoders.sweepers
    await first.start()
    await second.start()
    assert decoders.done == 0
    decoders.seconds += max(DEAD_S, OFTEN_S / 2)
    await first.start()
    await second.start()
    assert (decoders.done, decoders.most) == (2, 1)
