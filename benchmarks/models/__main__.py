"""The models on CPU: both halves in every runtime, a whole click, and a decoder replica's memory and start.

    python -m benchmarks.models
    python -m benchmarks.models --models mobile_sam --half decoder --threads 1 --json figures.json

Weights are stand-ins, a pure function of their names, unless --checkpoints has the published files. Stand-ins
find nothing in an image. Time does not depend on weights. Agreement of two runtimes hardly does: trained
weights have larger outliers, which bfloat16 rounds more. Wall seconds depend on other work on the machine,
CPU seconds less so; ratios are those of one run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.click import warm
from benchmarks.models import fresh_decoder, official, tables
from benchmarks.models.contenders import BASELINE, Contender, described, read_contender, stands_in
from benchmarks.models.halves import Row, decoder_rows, encoder_rows, turns_of
from benchmarks.replica import measure as measure_replica
from segmenters.runtimes.session import Half
from segmenters.sam.segmenter import SegmentAnything
from serve_app.cli.console import console

T = TypeVar("T")

MODELS = "mobile_sam,sam2.1_hiera_tiny,sam_vit_b"
RUNTIMES = "torch,onnxruntime,openvino,openvino:bfloat16"
CLICK = "click"
PARTS = (Half.ENCODER, Half.DECODER, CLICK)
DECODES = 5  # for each of --repeats: a click takes a hundredth of what an image does
CLICKS = 15

# What a turn takes, in the unit of the bar: about a tenth of a second.
_DECODE_UNITS = 1.0
_CLICK_UNITS = 2.0


@dataclass(slots=True)
class Plan:
    """What the command line asks for. ``threads``: each in turn. ``parts``: some of PARTS."""

    models: list[SegmentAnything]
    contenders: list[Contender]
    threads: list[int]
    repeats: int
    parts: list[str]

    def units(self) -> float:
        """How much work it is, in the unit of the bar."""
        total = 0.0
        for half in Half:
            if half in self.parts:
                turns = turns_of(half, len(self.contenders), self.repeats_of(half)) * len(self.threads)
                total += sum(turns * turn_units(half, model) for model in self.models)
        return total + self.clicks() * _CLICK_UNITS

    def repeats_of(self, half: Half) -> int:
        """Turns of each runner that count."""
        return self.repeats * (1 if half is Half.ENCODER else DECODES)

    def clicks(self) -> int:
        """Whole clicks over HTTP."""
        return self.repeats * CLICKS if CLICK in self.parts else 0


def turn_units(half: Half, model: SegmentAnything) -> float:
    """What one turn takes, in the unit of the bar."""
    return model.architecture.parameters if half is Half.ENCODER else _DECODE_UNITS


def run(plan: Plan, shown: Console) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    found: dict[str, Any] = {"machine": machine.described()}
    found["weights"] = {each.name: "stand-in" if stands_in(each) else "published" for each in plan.models}
    shown.print(
        found["machine"],
        *(f"{name}: {weights} weights" for name, weights in found["weights"].items()),
        sep="\n",
    )
    with Bar(plan.units()) as bar:
        for half in Half:
            if half in plan.parts:
                rows = _half(plan, half, bar)
                shown.print(tables.half_table(half, rows))
                found[half] = [{**asdict(row), "reached": row.reached} for row in rows]
        if CLICK in plan.parts:
            found |= _click(plan, bar, shown)
    return found


def _half(plan: Plan, half: Half, bar: Bar) -> list[Row]:
    measure = encoder_rows if half is Half.ENCODER else decoder_rows
    rows = []
    for model in plan.models:
        after = partial(bar.advance, turn_units(half, model))
        for threads in plan.threads:
            bar.begin(f"{half} of {model.name}, {threads} {'thread' if threads == 1 else 'threads'}")
            rows += measure(model, plan.contenders, threads, plan.repeats_of(half), after)
    return rows


def _click(plan: Plan, bar: Bar, shown: Console) -> dict[str, Any]:
    model = plan.models[0]
    bar.begin(f"a decoder of {model.name} in a process of its own")
    fresh = fresh_decoder.measure(model)
    bar.begin(f"clicks on {model.name} over HTTP")
    with warm.both(warm.of(model), warm.SIZE) as both:
        click = both.compared(plan.clicks(), partial(bar.advance, _CLICK_UNITS))
        replica = measure_replica(both.app)
    shown.print(tables.click_table(click))
    shown.print(tables.replica_table(fresh, replica))
    return {
        "click": {
            **asdict(click),
            "ratio": click.ratio,
            "own_ratio": click.own_ratio,
            "without_floor": click.without_floor,
            "reached": click.reached,
        },
        "fresh_decoder": asdict(fresh),
        "replica": asdict(replica),
    }


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description="Speed, agreement and memory of the models on CPU.")
    parser.add_argument("--models", type=_list(str), default=MODELS, help=f"default: {MODELS}")
    parser.add_argument(
        "--runtimes", type=_list(read_contender), help=f"default, where installed: {RUNTIMES}"
    )
    parser.add_argument(
        "--threads", type=_list(_count), default="1", help="for an image or a click, such as 1,2"
    )
    parser.add_argument(
        "--repeats", type=_count, default=3, help="images that count; decodes 5 times, clicks 15 times"
    )
    parser.add_argument("--checkpoints", type=Path, help="folder of published checkpoints")
    parser.add_argument("--half", choices=PARTS, help="only that; click: a whole one, and a decoder's memory")
    parser.add_argument(
        "--keep", type=Path, help="folder that keeps stand-in weights and exports for next time"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args(given)


def plan_of(asked: argparse.Namespace, folder: Path) -> Plan:
    """What the command line asks for; stand-in weights go to ``folder``. Raises like ``described``."""
    models = [described(name, folder, asked.checkpoints) for name in asked.models]
    parts = [asked.half] if asked.half else list(PARTS)
    return Plan(models, contenders(asked.runtimes), asked.threads, asked.repeats, parts)


def contenders(asked: list[Contender] | None) -> list[Contender]:
    """The runtimes to compare, by default all that are installed, with torch first as the baseline."""
    if asked is None:
        asked = [read_contender(name) for name in RUNTIMES.split(",")]
        asked = [each for each in asked if find_spec(each.runtime) is not None]
    return [BASELINE, *(each for each in dict.fromkeys(asked) if each != BASELINE)]


def _list(read: Callable[[str], T]) -> Callable[[str], list[T]]:
    def read_all(text: str) -> list[T]:
        try:
            return [read(part.strip()) for part in text.split(",")]
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read_all


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    official.packages()  # before anything else looks for torchvision
    command.run(lambda folder: run(plan_of(asked, folder), console()), asked.json, asked.keep)


if __name__ == "__main__":
    main()
