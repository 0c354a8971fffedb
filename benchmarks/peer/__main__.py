"""Label Studio's SAM example against ours: the same model, weights, images and clicks, in one run.

    python -m benchmarks.peer
    python -m benchmarks.peer --only crowd --annotators 8 --seconds 30 --json figures.json

The peer is the example written anew in torch (``benchmarks.peer.example`` says what it does): one predictor
for all, one image, no lock, gunicorn with eight threads. Ours is `python -m serve_app serve`. Both run on
this machine and are asked in turn, never at once; the clients' few milliseconds are in both.

Weights are stand-ins whose masks are about as even as those of trained ones, unless --checkpoint names a
file. A mask is wrong when it differs from the one that the same side gave for the same click while nobody
else clicked.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.images.large_pictures import SIZES
from benchmarks.models import official
from benchmarks.models.tables import judged
from benchmarks.peer import tables, turns
from benchmarks.peer.network import FAMILIES
from benchmarks.peer.plan import CROWD, CROWD_MEGAPIXELS, LONE, Plan, plan_of
from benchmarks.peer.rows import Row
from benchmarks.peer.running import running_peer
from benchmarks.peer.scenes import Gallery, Scene, gallery
from benchmarks.peer.trees import tree
from benchmarks.peer.turns import OURS, PEER, Match, Side
from benchmarks.peer.verdicts import agreement
from segmenters.models import ARCHITECTURES
from serve_app.cli.console import console
from testing.running_app import ROOT, running_app

Sides = Callable[[Plan, str], AbstractContextManager[tuple[Side, Side]]]
"""Starts both sides of a plan, which may read images from a host."""


def run(plan: Plan, shown: Console, sides: Sides | None = None) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON. ``sides``: others than the real ones."""
    found: dict[str, Any] = {"machine": machine.described(), "model": plan.model}
    shown.print(found["machine"], f"model: {plan.model}", sep="\n")
    with gallery(plan.counts()) as pictures, Bar(plan.units()) as bar:
        bar.begin("both sides start")
        with (sides or _sides)(plan, pictures.host) as (peer, ours):
            match = Match(peer, ours)
            [*_, warm] = pictures.scenes[min(pictures.scenes)]
            turns.learn(match, [warm])
            rows = [*_lone(plan, match, pictures, bar, shown), *_crowd(plan, match, pictures, bar, shown)]
            for line in tables.errors(rows):
                shown.print(f"an error of {line}", markup=False)
            memory = {side.name: tree(side.pid) for side in (peer, ours)}
            shown.print(tables.memory_table(memory))
            found["agreement"] = agreement(peer.alone, ours.alone)
    wrong = sum(row.ours.wrong for row in rows)
    shown.print(f"mean IoU of the peer's masks and ours, asked alone: {found['agreement']:.4f}")
    shown.print(f"wrong masks of ours: {judged('0', wrong == 0)}, {wrong}")
    found["rows"] = [{**asdict(row), "reached": row.reached} for row in rows]
    found["memory"] = {name: asdict(each) for name, each in memory.items()}
    return found


def our_settings(plan: Plan, images: str, folder: str) -> dict[str, str]:
    """The variables of our side, which may read images from the host ``images``."""
    return {
        "MODEL": plan.model,
        "CHECKPOINT": str(plan.checkpoint.absolute()),
        "MODEL_DIR": folder,
        "DEVICE": "cpu",
        "IMAGE_HOSTS": images,
    }


@contextlib.contextmanager
def _sides(plan: Plan, images: str) -> Iterator[tuple[Side, Side]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = our_settings(plan, images, folder)
        with (
            running_peer(plan.model, plan.checkpoint) as peer,
            running_app(ROOT / "configs" / "serve.yaml", settings, haproxy=True) as app,
        ):
            yield Side(PEER, peer.url, peer.process.pid), Side(OURS, app.url, app.process.pid)


def _lone(plan: Plan, match: Match, pictures: Gallery, bar: Bar, shown: Console) -> list[Row]:
    if LONE not in plan.parts:
        return []
    match.after = partial(bar.advance, 1)
    rows = []
    for megapixels in plan.megapixels:
        bar.begin(f"one annotator on {megapixels} megapixels")
        scenes = pictures.scenes[megapixels][: plan.images]
        rows += turns.lone(match, scenes, plan.repeats)
    shown.print(tables.latency_table(rows))
    return rows


def _crowd(plan: Plan, match: Match, pictures: Gallery, bar: Bar, shown: Console) -> list[Row]:
    if CROWD not in plan.parts:
        return []
    scenes: list[Scene] = pictures.scenes[CROWD_MEGAPIXELS][: max(plan.annotators)]
    bar.begin("every image of the annotators once, alone")
    match.after = partial(bar.advance, 1)
    turns.learn(match, scenes)
    rows = []
    for think in plan.thinks:
        for annotators in plan.annotators:
            bar.begin(f"annotators at once: {annotators}, {think:g} s to think")
            units = plan.turn_units(annotators)
            match.after = partial(bar.advance, units)
            rows.append(turns.crowds(match, scenes[:annotators], think, plan.seconds))
    shown.print(tables.crowd_table(rows, CROWD_MEGAPIXELS, plan.seconds))
    return rows


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    known = [name for name, each in ARCHITECTURES.items() if each.family in FAMILIES]
    parser = argparse.ArgumentParser(description="Label Studio's SAM example against ours.")
    parser.add_argument("--model", choices=known, default="mobile_sam")
    parser.add_argument("--checkpoint", type=Path, help="published weights; default: stand-ins")
    parser.add_argument("--only", choices=(LONE, CROWD), help="default: both")
    parser.add_argument("--megapixels", type=int, nargs="+", choices=sorted(SIZES), default=[2, 12])
    parser.add_argument("--images", type=int, default=6, help="of a lone annotator, at each size")
    parser.add_argument("--repeats", type=int, default=6, help="next clicks on each image")
    parser.add_argument("--annotators", type=int, nargs="+", default=[1, 8, 16, 32])
    parser.add_argument("--think", type=float, nargs="+", default=[0.0, 2.0], help="seconds after an answer")
    parser.add_argument(
        "--seconds", type=float, default=20, help="after which nobody clicks again, for a turn"
    )
    parser.add_argument("--quick", action="store_true", help="only whether it runs: the least of everything")
    parser.add_argument("--json", type=Path, help="file for the figures")
    found = parser.parse_args(given)
    if min(found.images, found.repeats, *found.annotators) < 1 or found.seconds <= 0 or min(found.think) < 0:
        parser.error(
            "--images, --repeats and --annotators are at least 1, --seconds above and --think not below 0"
        )
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    if not official.packages():
        sys.exit(
            "the peer needs the official packages, which `make test` installs from requirements-oracles.txt"
        )
    command.run(lambda folder: run(plan_of(asked, folder), console()), asked.json)


if __name__ == "__main__":
    main()
