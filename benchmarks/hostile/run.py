"""Honest annotators in calm weather, and under one attack after another."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.bar import Bar
from benchmarks.hostile.attack import Attack
from benchmarks.hostile.figures import Figures, figures
from benchmarks.hostile.report import Line, Report
from benchmarks.peak_memory import PeakMemory
from testing import processes
from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.project_server import Studio
from testing.running_app import ROOT, RunningApp, running_app
from testing.weights import checkpoints

NEVER = 10**9
SETTLE_S = 2.0
"""Seconds from the beginning of an attack until clicks count, so that all attackers have begun."""
SAMPLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds``: duration of each attack; calm weather before it lasts half as long."""

    attacks: Sequence[Attack]
    seconds: float
    model: str

    def described(self) -> str:
        """The plan in a sentence."""
        return f"{self.model}; two annotators on known images, two on new ones; {self.seconds:g} s each"


def held_mib(ancestor: int) -> float:
    """MiB that all processes of an application hold; shared pages are counted once."""
    held = 0.0
    for pid, _ in processes.descendants(ancestor):
        with contextlib.suppress(OSError, KeyError):
            held += processes.share_of(pid)
    return held


class Honest:
    """Annotators who click on known images, others who click on new ones, and a client that asks /health."""

    def __init__(self, app: RunningApp, memory: PeakMemory) -> None:
        known, new = Questions(cold_every=NEVER), Questions(cold_every=1)
        with client(app.url, TIMEOUT_S) as http:
            known.learn(asking(http))
        new.right = known.right
        self._memory = memory
        self._both = Annotators(app.url, known, 2), Annotators(app.url, new, 2, pause_s=0.5)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them click inside the block."""
        with contextlib.ExitStack() as stack:
            for each in self._both:
                stack.enter_context(each)
            yield

    def saw(self, began: float, ended: float) -> Figures:
        """What they noticed from ``began`` to ``ended``."""
        clicks = [click for each in self._both for click in list(each.clicks)]
        probes = [probe for each in self._both for probe in list(each.probes)]
        return figures(clicks, probes, self._memory.peak(), began, ended)


def run(plan: Plan, folder: Path) -> Report:
    """Carry out the plan, each attack on an application that was started for it."""
    report = Report(plan.described())
    processes.come_first()
    with Bar(len(plan.attacks)) as bar:
        for attack in plan.attacks:
            bar.begin(attack.name)
            with (
                _application(plan, folder) as app,
                PeakMemory(partial(held_mib, app.process.pid), SAMPLE_S) as memory,
            ):
                report.lines.append(_line(Honest(app, memory), app, attack, plan.seconds))
            bar.advance(1)
    return report


def _line(honest: Honest, app: RunningApp, attack: Attack, seconds: float) -> Line:
    with honest.at_work():
        time.sleep(SETTLE_S)
        calm_began = time.monotonic()
        time.sleep(seconds / 2)
        calm_ended = time.monotonic()
        calm = honest.saw(calm_began, calm_ended)
        began, ended = asyncio.run(_attacked(app, attack, seconds))
    # All clicks have ended here, so those that were sent in time and answered late are counted.
    return Line(attack, calm, honest.saw(began, ended))


async def _attacked(app: RunningApp, attack: Attack, seconds: float) -> tuple[float, float]:
    async with attack.begin(app.url):
        await asyncio.sleep(SETTLE_S)
        began = time.monotonic()
        await asyncio.sleep(seconds)
        return began, time.monotonic()


@contextlib.contextmanager
def _application(plan: Plan, folder: Path) -> Iterator[RunningApp]:
    with Studio(1, *SIZE, pictures=PICTURES) as studio:
        env = {
            "LABEL_STUDIO_URL": studio.url,
            "MODEL": plan.model,
            "WORKERS": "2",
            "IMAGE_HOSTS": "*",  # the hostile hosts are on loopback
        }
        if plan.model != "classical":
            weights = folder / f"{plan.model}.pt"
            checkpoints.write(plan.model, weights)
            env |= {"CHECKPOINT": str(weights), "MODEL_DIR": str(folder)}
        with running_app(ROOT / "configs" / "serve.yaml", env, haproxy=True) as app:
            yield app
