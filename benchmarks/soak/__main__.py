"""Steady work for an hour, to see whether memory or anything else grows.

    python -m benchmarks.soak                    an hour, or `make soak`
    python -m benchmarks.soak --minutes 3

Annotators click, every fourth time on a new image; tasks are opened; images are encoded into the durable
tier, as `precompute` does. Memory, descriptors, threads, the object store and the slowest clicks are sampled
every few seconds. The first third does not count, because caches fill then; they are small here, so that they
are full soon. The exit status is 1 when something surely grows faster than its limit, a click is lost, or a
mask is wrong. A run of less than half an hour cannot tell whether something grows.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.soak.slopes import Slope, slope
from serve_app.cli.console import console
from testing import processes
from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.figures import p99
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.app_metrics import total
from testing.project_server import Studio, request_of
from testing.running_app import RunningApp, running_app

SAMPLE_S = 10.0
TELLING_MINUTES = 30.0
"""A shorter run cannot tell whether something grows, because processes that have just started still do."""

LIMITS = {
    "memory MiB": 60.0,
    "descriptors": 30.0,
    "threads": 15.0,
    "object store MiB": 30.0,
    "slowest click ms": 100.0,
}
"""Growth that is allowed in an hour."""

_SMALL_CACHES = {"CACHE_MIB": "32", "REFINE_MIB": "1", "WORKERS": "2"}
# The first number of images that are opened or precomputed, beyond those of the clicks.
_OPENED, _STORED = 1_000_000, 2_000_000


@dataclass
class Samples:
    """Samples taken ``at`` seconds since the start, by name of the quantity."""

    at: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in LIMITS})

    def add(self, at: float, seen: dict[str, float]) -> None:
        """One more sample of everything."""
        self.at.append(at)
        for name, value in seen.items():
            self.values[name].append(value)

    def slopes(self) -> dict[str, Slope]:
        """The slopes over all samples but those of the first third."""
        first = len(self.at) // 3
        return {name: slope(self.at[first:], values[first:]) for name, values in self.values.items()}


@dataclass(frozen=True)
class Soak:
    """The results."""

    minutes: float
    clicks: int
    lost: int
    wrong: int
    slopes: dict[str, Slope]

    @property
    def kept(self) -> bool:
        """Whether nothing was missed."""
        return not (self.lost or self.wrong or any(self.verdict(name) == "missed" for name in self.slopes))

    def verdict(self, name: str) -> str:
        """The verdict of one line."""
        if not self.slopes[name].exceeds(LIMITS[name]):
            return "kept"
        return "missed" if self.minutes >= TELLING_MINUTES else "too short to tell"


def soak(minutes: float, annotators: int, folder: Path) -> Soak:
    """Work for this time, and sample."""
    questions, samples = Questions(cold_every=4), Samples()
    with Studio(1, *SIZE, pictures=PICTURES) as studio:
        env = {"LABEL_STUDIO_URL": studio.url, "DURABLE": str(folder / "durable"), **_SMALL_CACHES}
        with running_app(env=env, haproxy=True) as app, Bar(minutes) as bar:
            with client(app.url, TIMEOUT_S) as http:
                questions.learn(asking(http))
            with Annotators(app.url, questions, annotators) as working, _beside(app):
                _sample(app, working, minutes * 60, samples, bar)
    outcomes = [click.outcome for click in working.clicks]
    lost, wrong = sum(not click.answered for click in working.clicks), outcomes.count("wrong")
    return Soak(minutes, len(outcomes), lost, wrong, samples.slopes())


def _sample(app: RunningApp, working: Annotators, seconds: float, samples: Samples, bar: Bar) -> None:
    started, seen = time.monotonic(), 0
    while (at := time.monotonic() - started) < seconds:
        time.sleep(SAMPLE_S)
        clicks = working.clicks[seen:]
        seen += len(clicks)
        found = {
            "slowest click ms": 1000 * p99([click.seconds for click in clicks]),
            "object store MiB": total(app, "ray_object_store_memory") / processes.MIB,
            **_processes(app.process.pid),
        }
        samples.add(at, found)
        bar.begin(", ".join(f"{name} {value:.0f}" for name, value in found.items()))
        bar.advance(SAMPLE_S / 60)


def _processes(ancestor: int) -> dict[str, float]:
    """Sums over all processes that descend from one."""
    memory = descriptors = threads = 0.0
    for pid, _ in processes.descendants(ancestor):
        with contextlib.suppress(OSError, KeyError):  # it has just ended
            place = Path(f"/proc/{pid}")
            memory += processes.memory_of(pid).now
            descriptors += len(list((place / "fd").iterdir()))
            threads += len(list((place / "task").iterdir()))
    return {"memory MiB": memory, "descriptors": descriptors, "threads": threads}


@contextlib.contextmanager
def _beside(app: RunningApp) -> Iterator[None]:
    """Open tasks and run precompute inside the block."""
    enough = threading.Event()

    def again(pause_s: float, ask: Callable[[httpx.Client, int], object]) -> None:
        number = 0
        with client(app.url, TIMEOUT_S) as http:
            while not enough.wait(pause_s):
                number += 1
                with contextlib.suppress(httpx.HTTPError):
                    ask(http, number)

    jobs = [
        threading.Thread(target=again, args=(1.0, _open), daemon=True),
        threading.Thread(target=again, args=(2.0, _store), daemon=True),
    ]
    for job in jobs:
        job.start()
    try:
        yield
    finally:
        enough.set()
        for job in jobs:
            job.join()


def _open(http: httpx.Client, number: int) -> object:
    return http.post("/predict", json=request_of(_OPENED + number))


def _store(http: httpx.Client, number: int) -> object:
    asked = request_of(_STORED + 2 * number)
    tasks = [request_of(_STORED + 2 * number + each)["tasks"][0] for each in range(2)]
    return http.post("/embed", json={**asked, "tasks": tasks})


def table(found: Soak) -> Table:
    """What grew, against its limit."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("what")
    for heading in ("first", "last", "an hour", "give or take", "limit"):
        made.add_column(heading, justify="right")
    made.add_column("verdict")
    for name, each in found.slopes.items():
        numbers = (each.first, each.last, each.an_hour, each.error, LIMITS[name])
        made.add_row(name, *(f"{value:.0f}" for value in numbers), found.verdict(name))
    return made


def show(found: Soak, shown: Console) -> None:
    """Print it."""
    shown.print(machine.described(), markup=False)
    shown.print(
        f"{found.minutes:g} minutes, {found.clicks} clicks, {found.lost} lost, {found.wrong} wrong: "
        + ("kept" if not found.lost and not found.wrong else "missed")
    )
    shown.print(table(found))


def main() -> None:
    """Read the arguments, work, print what grew."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description="Whether anything grows that should not."
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--annotators", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    kept = []

    def measure(folder: Path) -> Any:
        found = soak(given.minutes, given.annotators, folder)
        show(found, console())
        kept.append(found.kept)
        return {"machine": machine.described(), **asdict(found)}

    command.run(measure, given.json)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
