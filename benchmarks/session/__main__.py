"""A session: annotators work through a project in order. How many first clicks find their image encoded?

    python -m benchmarks.session        two annotators, an encoder of 1 s, with prefetch and without, in turn

Each annotator opens the next task, looks at it for a moment, clicks, works on, submits. Without prefetch,
encoding begins when the task is opened; with prefetch, while annotators work on earlier tasks.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from serve_app.cli.console import console
from testing.project_server import LABEL_CONFIG, Studio, request_of, task_of
from testing.running_app import ROOT, running_app

GOAL = 0.95
SIZE = (640, 480)


@dataclass(frozen=True)
class Habits:
    """How annotators work: ``look_s`` from opening a task to clicking, ``think_s`` to the next task."""

    annotators: int
    tasks: int
    look_s: float
    think_s: float
    encode_s: float


@dataclass(frozen=True)
class Session:
    """Figures of a session. ``warm``: share of first clicks whose image was encoded; waits in ms.

    ``cold``: the tasks whose first click had to wait for the encoder.
    """

    prefetch: bool
    first_clicks: int
    warm: float
    p50_ms: float
    p95_ms: float
    lists_asked: int
    cold: list[int]


def session(prefetch: bool, habits: Habits, bar: Bar) -> Session:
    """One session of a fresh application."""
    with (
        Studio(habits.tasks, *SIZE) as studio,
        tempfile.NamedTemporaryFile("w", suffix=".yaml") as config,
    ):
        yaml.safe_dump(_config(prefetch), config)
        env = {
            "LABEL_STUDIO_URL": studio.url,
            "LABEL_STUDIO_API_KEY": "0" * 40,
            "ENCODE_S": str(habits.encode_s),
        }
        with running_app(Path(config.name), env, haproxy=True) as app:
            clicks: list[tuple[int, bool, float]] = []
            lock = threading.Lock()

            def annotate(_: int) -> None:
                with httpx.Client(base_url=app.url, trust_env=False, timeout=120) as client:
                    while (number := studio.next_task()) is not None:
                        click = (number, *_task(client, number, habits))
                        studio.submit(number)
                        _submitted(client, number)
                        with lock:
                            clicks.append(click)
                            bar.advance(1)

            with ThreadPoolExecutor(habits.annotators) as threads:
                list(threads.map(annotate, range(habits.annotators)))
            listed = studio.listed
    waits = sorted(wait for *_, wait in clicks)
    cold = sorted(number for number, hit, _ in clicks if not hit)
    p95 = waits[int(0.95 * (len(waits) - 1))]
    return Session(
        prefetch, len(clicks), 1 - len(cold) / len(clicks), statistics.median(waits), p95, listed, cold
    )


def _task(client: httpx.Client, number: int, habits: Habits) -> tuple[bool, float]:
    """Open, look, click, work on; whether the click's image was encoded, and the milliseconds it took."""
    client.post("/predict", json=request_of(number)).raise_for_status()
    time.sleep(habits.look_s)
    started = time.perf_counter()
    answer = client.post("/predict", json=request_of(number, SIZE))
    wait = (time.perf_counter() - started) * 1000
    answer.raise_for_status()
    time.sleep(habits.think_s)
    return "cache;desc=hit" in answer.headers["server-timing"], wait


def _submitted(client: httpx.Client, number: int) -> None:
    project = {"id": 1, "label_config": LABEL_CONFIG}
    body = {"action": "ANNOTATION_CREATED", "project": project, "task": task_of(number)}
    client.post("/webhook", json=body).raise_for_status()


def _config(prefetch: bool) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text())
    [application] = config["applications"]
    application["import_path"] = "benchmarks.session.slow_encoder:build"
    if not prefetch:
        application["args"]["prefetch_tasks"] = 0
    return config


def table(sessions: list[Session], habits: Habits) -> Table:
    """The sessions side by side, with the goal."""
    title = (
        f"{habits.annotators} annotators; {habits.look_s:g} s from opening to clicking, {habits.think_s:g} s "
        f"to the next task; {habits.encode_s:g} s to encode"
    )
    made = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=title,
        title_justify="left",
        caption_justify="left",
        min_width=100,
    )
    for heading in ("prefetch", "first clicks", "warm", "p50 ms", "p95 ms", "lists asked", "goal"):
        made.add_column(heading, justify="left" if heading in ("prefetch", "goal") else "right")
    for each in sessions:
        goal = ("reached" if each.warm >= GOAL else "missed") if each.prefetch else ""
        numbers = (f"{each.first_clicks}", f"{each.warm:.1%}", f"{each.p50_ms:.0f}", f"{each.p95_ms:.0f}")
        if each.prefetch:
            made.caption = f"Not encoded before their first click: tasks {', '.join(map(str, each.cold))}."
        made.add_row("on" if each.prefetch else "off", *numbers, f"{each.lists_asked}", goal)
    return made


def run(habits: Habits, rounds: int, shown: Console) -> dict[str, Any]:
    """``rounds`` sessions with prefetch and without, in turn: printed, and their figures."""
    with Bar(2 * rounds * habits.tasks) as bar:
        sessions = [session(prefetch, habits, bar) for _ in range(rounds) for prefetch in (True, False)]
    shown.print(machine.described(), markup=False)
    shown.print(table(sessions, habits))
    said = {"machine": machine.described(), "habits": asdict(habits)}
    return {**said, "sessions": [asdict(each) for each in sessions]}


def main() -> None:
    """Read the arguments, hold the sessions, print them."""
    parser = argparse.ArgumentParser(description="First clicks that find their image encoded.")
    parser.add_argument("--annotators", type=int, default=2)
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--look", type=float, default=0.5, help="seconds from opening to clicking")
    parser.add_argument("--think", type=float, default=3.0, help="seconds from there to the next task")
    parser.add_argument("--encode", type=float, default=1.0, help="seconds that encoding an image takes")
    parser.add_argument("--rounds", type=int, default=1, help="sessions with and without prefetch, in turn")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    habits = Habits(given.annotators, given.tasks, given.look, given.think, given.encode)
    command.run(lambda _: run(habits, given.rounds, console()), given.json)


if __name__ == "__main__":
    main()
