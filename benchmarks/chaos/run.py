"""The run: calm weather, then one death after another, changes, clients that leave, and the stop."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.bar import Bar
from benchmarks.chaos.changes import Deployed
from benchmarks.chaos.leaving import leave
from benchmarks.chaos.report import Report
from benchmarks.chaos.stopping import stop
from benchmarks.chaos.targets import targets
from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.figures import Calm, Event, figures
from testing.annotating.questions import PICTURES, SIZE, Questions
from testing.annotating.victims import VICTIMS, Victim
from testing.project_server import Studio
from testing.running_app import RunningApp, running_app
from testing.weights import checkpoints

LIGHTLY, SETTING = "a light option", "a setting"
LEAVING, STOP = "leaving", "stop"
CHANGES = (LIGHTLY, SETTING)
EVERYTHING = (*(victim.name for victim in VICTIMS), *CHANGES, LEAVING, STOP)

# The setting `threads`, of each decoder.
_DECODING_THREADS = 2


@dataclass(frozen=True)
class Plan:
    """``seconds`` in all, from calm weather to the last event; ``pause_s`` from one event to the next."""

    model: str
    seconds: float
    pause_s: float
    annotators: int
    decoders: int
    only: Sequence[str]
    config: Path

    def victims(self) -> list[Victim]:
        """The processes that are to be killed."""
        return [victim for victim in VICTIMS if victim.name in self.only]

    def described(self) -> str:
        """The plan in a sentence."""
        return f"{self.model}; {self.annotators} annotators; {self.decoders} decoders"


@contextmanager
def application(plan: Plan, folder: Path) -> Iterator[tuple[RunningApp, dict[str, Any]]]:
    """The application with its pictures, and the config that it was started from."""
    config = configured(plan.config, plan.decoders)
    path = folder / "serve.yaml"
    path.write_text(yaml.safe_dump(config))
    with Studio(1, *SIZE, pictures=PICTURES) as studio:
        env = {"LABEL_STUDIO_URL": studio.url, "MODEL": plan.model, "WORKERS": "2"}
        if plan.model != "classical":
            weights = folder / f"{plan.model}.pt"
            checkpoints.write(plan.model, weights)
            env |= {"CHECKPOINT": str(weights), "MODEL_DIR": str(folder)}
        with running_app(path, env, haproxy=True) as app:
            yield app, config


def configured(path: Path, decoders: int) -> dict[str, Any]:
    """A config with a fixed number of decoders."""
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    [application] = config["applications"]
    for each in application["deployments"]:
        if each["name"] == "Decoder":
            each.pop("autoscaling_config", None)
            each["num_replicas"] = decoders
    return config


def run(plan: Plan, folder: Path) -> Report:
    """Carry out the plan."""
    questions = Questions()
    with application(plan, folder) as (app, config), Bar(int(plan.seconds)) as bar:
        bar.begin("a calm run")
        with client(app.url, TIMEOUT_S) as http:
            questions.learn(asking(http))
        end = time.monotonic() + plan.seconds
        with Annotators(app.url, questions, plan.annotators) as annotators:
            time.sleep(_calm_s(plan))
            calm_clicks = list(annotators.clicks)
            events = _events(plan, app, config, end, bar)
        calm = Calm.of(calm_clicks)
        report = Report(plan.described(), targets(plan.decoders), calm)
        for what in dict.fromkeys(event.what for event in events):
            only_new = report.targets[what].new_images
            seen = (events, annotators.clicks, annotators.probes, calm)
            report.events.append(figures(what, *seen, new_images=only_new))
        if LEAVING in plan.only:
            bar.begin("clients that leave")
            report.left = leave(app, questions, plan.decoders * _DECODING_THREADS)
        if STOP in plan.only:
            bar.begin("a stop")
            report.stopped = stop(app, questions)
    return report


def _calm_s(plan: Plan) -> float:
    return min(20.0, plan.seconds / 6)


def _events(plan: Plan, app: RunningApp, config: dict[str, Any], end: float, bar: Bar) -> list[Event]:
    """Everything once, and again while there is time."""
    deployed, choose, events = Deployed(app, config), random.Random(11), list[Event]()
    rounds = 0
    while not rounds or time.monotonic() < end:
        for victim in plan.victims():
            if rounds and time.monotonic() > end:
                break
            bar.begin(victim.name)
            began = time.monotonic()
            events.append(Event(victim.name, victim.kill(app, choose)))
            time.sleep(plan.pause_s)
            bar.advance(time.monotonic() - began)
        if not rounds:
            events += _changes(plan, deployed, bar)
        rounds += 1
        if not plan.victims():
            break
    return events


def _changes(plan: Plan, deployed: Deployed, bar: Bar) -> list[Event]:
    events = []
    for name, change in ((LIGHTLY, deployed.lightly), (SETTING, deployed.setting)):
        if name in plan.only:
            bar.begin(name)
            events.append(Event(name, time.monotonic()))
            change()
            time.sleep(plan.pause_s)
            bar.advance(time.monotonic() - events[-1].at)
    return events
