"""Everything in a picture: masks, clicks and seconds of one image, by model and grid.

    python -m benchmarks.everything
    python -m benchmarks.everything --models classical --points 16 32 --photographs coffee coins --json f.json

Photographs that scikit-image ships, the decoder half with one thread and the work around it; a decoder
replica does as many at once as it has threads. MobileSAM's weights are stand-ins, whose masks are ragged and
rated at random: with the defaults hardly any comes through, so a second line has the time without any bound,
which is the most that it can take.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.models.contenders import described
from segmenters.automatic.filters import Filters
from segmenters.automatic.generator import MaskGenerator
from segmenters.many_prompts import segment_many
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.segmenter import Segmenter
from serve_app.cli.console import console
from testing.photographs import photographs
from testing.pointing import shown as seen
from values.embedding import Embedding
from values.options import EverythingOptions

MODELS = (CLASSICAL, "mobile_sam")
POINTS = (16, 32)
PHOTOGRAPHS = ("coffee", "coins", "astronaut")
DEFAULTS = EverythingOptions()
ALL = EverythingOptions(everything_iou=0, everything_stability=0)

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Row:
    """One grid on one picture. ``points``: along each side; ``clicks``: how many of them were clicked.

    ``cpu``, ``wall``: seconds. ``kept``: KiB of the masks that were found, as they are kept.
    """

    model: str
    picture: str
    filters: str
    points: int
    clicks: int
    masks: int
    cpu: float
    wall: float
    kept: float


def measure(
    segmenter: Segmenter, embedding: Embedding, picture: str, points: int, options: EverythingOptions
) -> tuple[Row, MaskGenerator]:
    """The masks of a grid, and what they took."""
    decoder, clicks = segmenter.load_decoder(1), 0
    generator = MaskGenerator(embedding.width, embedding.height, points, Filters.of(segmenter, options))
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in generator.steps(partial(segment_many, decoder, embedding)):
        clicks += 1
    row = Row(
        segmenter.name,
        picture,
        "defaults" if options == DEFAULTS else "none",
        points,
        clicks,
        len(generator.masks),
        time.process_time() - cpu,
        time.perf_counter() - wall,
        sum(each.nbytes for each in generator.masks) / 1024,
    )
    return row, generator


def encoded(segmenter: Segmenter, rgb: Rgb) -> Embedding:
    """A picture as the decoder needs it."""
    [embedding] = segmenter.load_encoder(2).encode([seen(segmenter, rgb)])
    return embedding


def pictures(names: Sequence[str]) -> dict[str, Rgb]:
    """The photographs of these names."""
    found = {name.split(":")[0]: rgb for name, rgb, _ in photographs()}
    return {name: found[name] for name in names}


def table(rows: Sequence[Row]) -> Table:
    """A line for each grid."""
    made = Table(title="Everything in a picture", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("model", "picture", "filters", "points", "clicks", "masks", "CPU s", "s", "kept KiB"):
        words = heading in ("model", "picture", "filters")
        made.add_column(heading, justify="left" if words else "right")
    for row in rows:
        made.add_row(
            *(row.model, row.picture, row.filters, f"{row.points} x {row.points}"),
            *(str(row.clicks), str(row.masks), f"{row.cpu:.1f}", f"{row.wall:.1f}", f"{row.kept:.0f}"),
        )
    return made


def run(
    models: Sequence[Segmenter], points: Sequence[int], rgbs: dict[str, Rgb], shown: Console
) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    rows: list[Row] = []
    with Bar(len(models) * len(rgbs)) as bar:
        for model in models:
            bounds = (DEFAULTS,) if model.name == CLASSICAL else (DEFAULTS, ALL)
            for name, rgb in rgbs.items():
                bar.begin(f"{model.name} on {name}")
                embedding = encoded(model, rgb)
                rows += [
                    measure(model, embedding, name, side, options)[0] for side in points for options in bounds
                ]
                bar.advance(1)
    shown.print(machine.described(), markup=False)
    shown.print(table(rows))
    return {"machine": machine.described(), "rows": [asdict(row) for row in rows]}


def model_of(name: str, folder: Path) -> Segmenter:
    """A model by name, one of the Segment Anything family with stand-in weights."""
    if name == CLASSICAL:
        return choose(ModelOptions(model=CLASSICAL)).segmenter
    return described(name, folder, None)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Masks, clicks and seconds of everything in a picture.")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--points", nargs="+", type=int, default=POINTS, metavar="N")
    parser.add_argument("--photographs", nargs="+", default=PHOTOGRAPHS)
    parser.add_argument("--keep", type=Path, help="folder that keeps stand-in weights for next time")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()

    def measured(folder: Path) -> object:
        models = [model_of(name, folder) for name in given.models]
        return run(models, given.points, pictures(given.photographs), console())

    command.run(measured, given.json, given.keep)


if __name__ == "__main__":
    main()
