"""Masks a second by the number of prompts on one image: each alone, and as `segment_many` decodes them.

    python -m benchmarks.many_prompts
    python -m benchmarks.many_prompts --models mobile_sam --runtimes onnxruntime --prompts 64 --json f.json

Boxes of random places, the decoder half only, the ways in turn. *alone* is one call after the other with one
thread, as a decoder replica answers clicks; *cores* is a lone click's session, with all cores. Weights are
stand-ins, which time does not depend on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.models.contenders import Contender, described, read_contender
from benchmarks.turns import cost, take_turns
from segmenters.architectures import SIDE
from segmenters.many_prompts import segment_many
from segmenters.sam.decoder import SamDecoder
from segmenters.sam.segmenter import SegmentAnything
from serve_app.cli.console import console
from values.cores import usable_cores
from values.embedding import Embedding
from values.masks import Masks
from values.prompt import Prompt

MODELS = ("mobile_sam", "sam2.1_hiera_tiny")
PROMPTS = (1, 4, 8, 16, 64)
GOAL = 2.5
GOAL_AT = 64

ALONE, ALONE_CORES, TOGETHER, TOGETHER_CORES = "alone", "alone, cores", "together", "together, cores"

Ways = dict[str, Callable[[Sequence[Prompt]], list[Masks]]]


@dataclass(frozen=True, slots=True)
class Row:
    """So many ``prompts`` on one image. ``masks``: a second, by way; ``cpu``: CPU milliseconds of a mask.

    ``apart``: the largest difference of a logit or a score from those of the prompt alone.
    """

    model: str
    runtime: str
    prompts: int
    masks: dict[str, float]
    cpu: dict[str, float]
    apart: float

    @property
    def ratio(self) -> float:
        """Together to alone, with one thread each."""
        return self.masks[TOGETHER] / self.masks[ALONE]

    @property
    def ratio_of_cores(self) -> float:
        """Together with the cores that idle, to alone with one thread."""
        return self.masks[TOGETHER_CORES] / self.masks[ALONE]


def measure(model: SegmentAnything, runtime: str, counts: Sequence[int], repeats: int) -> list[Row]:
    """The decoder of ``model`` with each number of prompts, ``repeats`` times each way."""
    narrow, wide = model.load_decoder(1), model.load_decoder(1)
    wide.take_idle_cores(usable_cores())
    embedding = _embedding(model)
    ways: Ways = {
        ALONE: partial(_alone, narrow, embedding),
        ALONE_CORES: partial(_alone, wide, embedding),
        TOGETHER: partial(_together, narrow, embedding),
        TOGETHER_CORES: partial(_together, wide, embedding),
    }
    rows = []
    for count in counts:
        turns = take_turns(ways, [_boxes(count)] * (repeats + 1), lambda: None)
        masks = {name: count / cost(taken).wall for name, taken in turns.items()}
        cpu = {name: 1000 * cost(taken).cpu / count for name, taken in turns.items()}
        expected = turns[ALONE][0].result
        apart = max(_apart(expected, taken[0].result) for taken in turns.values())
        rows.append(Row(model.name, runtime, count, masks, cpu, apart))
    return rows


def table(rows: Sequence[Row]) -> Table:
    """A line for each number of prompts."""
    made = Table(title="Masks a second", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("model", "runtime", "prompts", *rows[0].masks, "ratio", "ratio, cores", "apart"):
        made.add_column(heading, justify="left" if heading in ("model", "runtime") else "right")
    for row in rows:
        goal = f" (aim: {GOAL:g})" if row.prompts == GOAL_AT else ""
        made.add_row(
            row.model,
            row.runtime,
            str(row.prompts),
            *(f"{each:.1f} ({row.cpu[name]:.0f} ms)" for name, each in row.masks.items()),
            f"{row.ratio:.2f}",
            f"{row.ratio_of_cores:.2f}{goal}",
            f"{row.apart:.0e}",
        )
    made.caption = (
        "in brackets: CPU milliseconds of a mask. ratio: together to alone, a thread each; cores: together "
        "on all cores to alone on one thread"
    )
    return made


def run(
    models: Sequence[SegmentAnything],
    contenders: Sequence[Contender],
    counts: Sequence[int],
    repeats: int,
    shown: Console,
) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    rows: list[Row] = []
    with Bar(len(models) * len(contenders)) as bar:
        for model in models:
            for contender in contenders:
                bar.begin(f"{model.name} in {contender}")
                rows += measure(contender.of(model), str(contender), counts, repeats)
                bar.advance(1)
    shown.print(machine.described(), markup=False)
    shown.print(table(rows))
    return {"machine": machine.described(), "rows": [asdict(row) for row in rows]}


def _embedding(model: SegmentAnything) -> Embedding:
    """Of noise: decoders take as long for it as for an image."""
    random = np.random.default_rng(0)
    arrays = {
        name: random.standard_normal((1, *shape), np.float32) / 2
        for name, shape in model.architecture.outputs.items()
    }
    return Embedding(arrays, model.version, SIDE, SIDE, SIDE, SIDE)


def _boxes(count: int) -> list[Prompt]:
    corners = np.random.default_rng(count).random((count, 2, 2))
    return [Prompt(box=np.sort(each, 0).flatten()) for each in corners]


def _alone(decoder: SamDecoder, embedding: Embedding, prompts: Sequence[Prompt]) -> list[Masks]:
    return [decoder.decode(embedding, prompt) for prompt in prompts]


def _together(decoder: SamDecoder, embedding: Embedding, prompts: Sequence[Prompt]) -> list[Masks]:
    return list(segment_many(decoder, embedding, prompts))


def _apart(expected: Sequence[Masks], found: Sequence[Masks]) -> float:
    pairs = list(zip(expected, found, strict=True))
    logits = max(float(np.abs(one.logits - other.logits).max()) for one, other in pairs)
    return max(logits, *(float(np.abs(one.scores - other.scores).max()) for one, other in pairs))


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Masks a second by the number of prompts on one image.")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--runtimes", nargs="+", type=read_contender, default=[read_contender("onnxruntime")])
    parser.add_argument(
        "--prompts", nargs="+", type=int, choices=range(1, 1001), default=PROMPTS, metavar="B"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()

    def measured(folder: Path) -> object:
        models = [described(name, folder, None) for name in given.models]
        return run(models, given.runtimes, given.prompts, given.repeats, console())

    command.run(measured, given.json, given.keep)


if __name__ == "__main__":
    main()
