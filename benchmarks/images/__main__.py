"""From an image file to pixels at model size: how fast, against plain Pillow, and what that does to masks.

    python -m benchmarks.images
    python -m benchmarks.images --megapixels 12 --models classical --json figures.json

Images are fetched from a server on loopback, so that fetching takes as little time as possible. A JPEG much
larger than a model needs is decoded at 1/2, 1/4 or 1/8 by its DCT; the second table says whether masks stay
the same. Models other than ``classical`` have stand-in weights unless --checkpoints has the published ones.
Stand-ins find nothing in an image, and turn tiny differences of pixels into large ones of masks, so they have
no goal.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.images import accuracy, speed, tables
from benchmarks.images.large_pictures import SIZES, Picture, encoded, large_photographs, large_scene
from benchmarks.images.speed import READS, ImageFile
from benchmarks.models.contenders import described
from segmenters.classical.segmenter import Classical
from segmenters.models import ARCHITECTURES
from segmenters.segmenter import Segmenter
from serve_app.cli.console import console
from values.cores import usable_cores

CLASSICAL = "classical"
MODELS = f"{CLASSICAL},mobile_sam"
INPUTS = tuple(ARCHITECTURES[name].input for name in ("mobile_sam", "sam2.1_hiera_tiny"))
KINDS = ("JPEG", "PNG", "WEBP")

_PHOTOGRAPHS = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    ``kinds``: formats that are timed at the smallest of SIZES; the first one is timed at all. ``scenes``: how
    many. ``photographs``: whether to use photographs too.
    """

    models: list[Segmenter]
    megapixels: list[int]
    repeats: int
    kinds: tuple[str, ...]
    scenes: int
    photographs: bool

    def kinds_of(self, megapixels: int) -> tuple[str, ...]:
        """The formats that are timed."""
        return self.kinds if megapixels == min(SIZES) else self.kinds[:1]

    def pictures(self) -> int:
        """How many pictures every model is asked about, of each size."""
        return self.scenes + _PHOTOGRAPHS * self.photographs

    def units(self) -> float:
        """How much work it is, in the unit of the bar."""
        turns = sum(
            len(self.kinds_of(each)) * len(INPUTS) * (self.repeats + 1) * len(READS) * turn_units(each)
            for each in self.megapixels
        )
        asked = sum(self.pictures() * len(self.models) * picture_units(each) for each in self.megapixels)
        return turns + asked


def turn_units(megapixels: int) -> float:
    """What reading an image once takes, in the unit of the bar: about ten milliseconds."""
    return megapixels


def picture_units(megapixels: int) -> float:
    """What making a picture and asking a model about it takes."""
    return 200 + 15 * megapixels


def run(plan: Plan, shown: Console) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    found: dict[str, Any] = {"machine": machine.described()}
    shown.print(found["machine"])
    with Bar(plan.units()) as bar:
        speeds = list(_speeds(plan, bar))
        shown.print(tables.speed_table(speeds))
        accuracies = []
        for model in plan.models:
            rows = list(_accuracies(plan, model, bar))
            shown.print(tables.accuracy_table(rows))
            accuracies += rows
    found["speed"] = [
        {
            **asdict(row),
            "ratio": row.ratio,
            "same_ratio": row.same_ratio,
            "read_ratio": row.read_ratio,
            "shares": row.shares,
            "reached": row.reached,
        }
        for row in speeds
    ]
    found["accuracy"] = [{**asdict(row), "reached": row.reached} for row in accuracies]
    return found


def _speeds(plan: Plan, bar: Bar) -> Iterator[speed.Speed]:
    for megapixels in plan.megapixels:
        rgb = large_scene(0, megapixels).rgb
        for kind in plan.kinds_of(megapixels):
            file = ImageFile(kind, megapixels, encoded(rgb, kind))
            for size in INPUTS:
                bar.begin(f"{kind} of {megapixels} megapixels for {speed.size_name(size)}")
                after = partial(bar.advance, turn_units(megapixels))
                yield speed.measure(file, size, plan.repeats, after)


def _accuracies(plan: Plan, model: Segmenter, bar: Bar) -> Iterator[accuracy.Accuracy]:
    for megapixels in plan.megapixels:
        for kind, pictures in _pictures(plan, megapixels):
            bar.begin(f"{model.name} in {kind} of {megapixels} megapixels")
            aimed_at = model.name == CLASSICAL and megapixels == speed.GOAL_MEGAPIXELS
            line = (megapixels, kind, accuracy.GOAL if aimed_at else None)
            after = partial(bar.advance, picture_units(megapixels))
            yield accuracy.measure(model, _threads(), pictures, line, after)


def _pictures(plan: Plan, megapixels: int) -> Iterator[tuple[str, Iterator[Picture]]]:
    yield "scenes", (large_scene(seed, megapixels) for seed in range(plan.scenes))
    if plan.photographs:
        yield "photographs", large_photographs(megapixels)


def _threads() -> int:
    return usable_cores()


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description="Reading images: speed, and what it does to masks.")
    parser.add_argument("--models", default=MODELS, help=f"whose masks are compared; default: {MODELS}")
    parser.add_argument(
        "--megapixels", type=int, nargs="+", choices=sorted(SIZES), default=sorted(SIZES), help="default: all"
    )
    parser.add_argument("--repeats", type=int, default=7, help="readings that count")
    parser.add_argument("--scenes", type=int, default=4, help="besides the photographs")
    parser.add_argument("--checkpoints", type=Path, help="folder of published checkpoints")
    parser.add_argument("--quick", action="store_true", help="only whether it runs: the least of everything")
    parser.add_argument("--json", type=Path, help="file for the figures")
    found = parser.parse_args(given)
    if min(found.repeats, found.scenes) < 1:
        parser.error("--repeats and --scenes are at least 1")
    return found


def plan_of(asked: argparse.Namespace, folder: Path) -> Plan:
    """What the command line asks for; stand-in weights go to ``folder``. Raises like ``described``."""
    if asked.quick:
        return Plan([Classical()], [min(SIZES)], 1, KINDS[:1], 1, photographs=False)
    models = [_model(name.strip(), folder, asked.checkpoints) for name in asked.models.split(",")]
    return Plan(models, sorted(set(asked.megapixels)), asked.repeats, KINDS, asked.scenes, photographs=True)


def _model(name: str, folder: Path, published: Path | None) -> Segmenter:
    return Classical() if name == CLASSICAL else described(name, folder, published)


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    command.run(lambda folder: run(plan_of(asked, folder), console()), asked.json)


if __name__ == "__main__":
    main()
