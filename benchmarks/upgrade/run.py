"""One application, calm weather, and then one upgrade after another."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.chaos.changes import Deployed
from benchmarks.chaos.run import configured
from benchmarks.upgrade.answers import Answers, wrong
from benchmarks.upgrade.report import Row
from serve_app import ROOT
from testing.annotating.annotators import TIMEOUT_S, Annotators, asking, client
from testing.annotating.figures import Calm, Event, figures
from testing.annotating.questions import PICTURES, SIZE, WARM
from testing.project_server import Studio
from testing.running_app import RunningApp, running_app
from testing.weights import checkpoints

CHANGES = ("args", "code", "model")
SURGES = ("with", "without")

PAUSE_S = 5.0
"""From the end of one upgrade to the next one."""

CHANGED = " (changed code)"
"""What the changed code adds to the answer of /versions."""

_CODE = ("values", "concurrency", "net", "label_studio", "stores", "protocol", "segmenters", "embeddings",
         "exports", "finders", "imaging", "pages", "deployments", "serve_app", "configs", "docs")  # fmt: skip
_SAID = '"message": self._model.reason}'


@dataclass(frozen=True)
class Plan:
    """``model`` serves at first and ``to`` after the change of the model; ``calm_s`` without a change."""

    model: str
    to: str
    only: Sequence[str]
    surge: str
    annotators: int
    decoders: int
    calm_s: float


def run(plan: Plan, folder: Path) -> Iterator[Row]:
    """Carry out the plan. Raises RuntimeError where a change was not deployed."""
    config = _config(plan, folder)
    path = folder / "serve.yaml"
    answers = Answers()
    with Studio(1, *SIZE, pictures=PICTURES) as studio:
        path.write_text(yaml.safe_dump(config))
        # A variable would win over what is changed in the config.
        env = {"LABEL_STUDIO_URL": studio.url, "MODEL": "", "WORKERS": "2", "MODEL_DIR": str(folder)}
        with running_app(path, env, haproxy=True) as app, client(app.url, TIMEOUT_S) as http:
            answers.learn(asking(http))
            with Annotators(app.url, answers, plan.annotators) as annotators:
                time.sleep(plan.calm_s)
                deployed = Deployed(app, config)
                for change in plan.only:
                    yield _upgraded(change, plan, folder, app, deployed, studio, answers, annotators)


def _upgraded(
    change: str,
    plan: Plan,
    folder: Path,
    app: RunningApp,
    deployed: Deployed,
    studio: Studio,
    answers: Answers,
    annotators: Annotators,
) -> Row:
    began = time.monotonic()
    calm = Calm.of([click for click in annotators.clicks if click.sent > began - plan.calm_s])
    answers.given.clear()
    before = _known(studio)
    deployed.apply(_change(change, plan, folder))
    took = time.monotonic() - began
    if change == "code" and CHANGED not in httpx.get(f"{app.url}/versions", trust_env=False).text:
        raise RuntimeError("the code was not changed")
    time.sleep(PAUSE_S)
    end = time.monotonic()
    encoded = _known(studio) - before
    found = figures(
        change,
        [Event(change, began)],
        [click for click in annotators.clicks if click.ended < end],
        [probe for probe in annotators.probes if probe.ended < end],
        calm,
    )
    given = list(answers.given)
    with client(app.url, TIMEOUT_S) as http:
        answers.learn(asking(http))
    time.sleep(plan.calm_s)
    return Row(plan.surge, change, calm.p99, took, wrong(given, answers.learned), encoded, found)


def _known(studio: Studio) -> int:
    return sum(studio.read[number] for number in range(WARM))


def _config(plan: Plan, folder: Path) -> dict[str, Any]:
    config = configured(ROOT / "configs" / "serve.yaml", plan.decoders)
    [application] = config["applications"]
    # Nobody asks whether an image was replaced: a read is an encode.
    application["args"] |= {"recheck_s": 0} | _model(plan.model, folder)
    if plan.surge == "without":
        for each in application["deployments"]:
            each["max_surge_percent"] = 0
    return config


def _model(name: str, folder: Path) -> dict[str, Any]:
    if name == "classical":
        return {"model": name}
    weights = folder / f"{name}.pt"
    if not weights.exists():
        checkpoints.write(name, weights)
    return {"model": name, "checkpoint": str(weights)}


def _change(what: str, plan: Plan, folder: Path) -> Callable[[dict[str, Any]], None]:
    """What is changed in the config."""
    if what == "args":
        return lambda application: application["args"].update(refine_mib=65)
    if what == "model":
        changed = _model(plan.to, folder)
        return lambda application: application["args"].update(changed)
    code = _changed_code(folder / f"changed-{plan.surge}")
    return lambda application: application.update(
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([str(code), str(ROOT)])}}
    )


def _changed_code(copy: Path) -> Path:
    """A copy of what serves, in which one line is another one."""
    for name in _CODE:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    changed = copy / "deployments" / "routes" / "status.py"
    text = changed.read_text()
    if text.count(_SAID) != 1:
        raise RuntimeError(f"{changed} has no line to change")
    changed.write_text(text.replace(_SAID, f'"message": self._model.reason + "{CHANGED}"}}'))
    return copy
