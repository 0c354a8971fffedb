"""A warm click over HTTP by stage, on pictures of 1, 2 and 12 megapixels, compared with the bare decode.

    python -m benchmarks.click.stages                     the classical model, whose masks are of real things
    python -m benchmarks.click.stages --model mobile_sam  Segment Anything's decoder; ragged masks of stand-in

``bare`` is the same build's decode in another process, in turn with every click. The floor is a hop that
does nothing, in the same Ray (``floor.py``).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.click.warm import WarmClick, both, of
from benchmarks.models.contenders import described
from benchmarks.models.tables import judged
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from serve_app.cli.console import console

SIZES = {1: (1152, 896), 2: (1632, 1224), 12: (4000, 3000)}
"""Megapixels -> width and height of the picture."""
GOALS = {2: 10.0}
"""Megapixels -> milliseconds that everything but the decoder may take."""


@dataclass(frozen=True, slots=True)
class Row:
    """A click on a picture of so many megapixels."""

    megapixels: int
    click: WarmClick

    @property
    def reached(self) -> bool | None:
        """Whether all but decode is within the goal; None where there is none."""
        goal = GOALS.get(self.megapixels)
        return None if goal is None else self.click.others <= goal


def table(title: str, rows: Sequence[Row]) -> Table:
    """Medians in milliseconds: a column for each size, a line for each stage."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", min_width=90)
    made.add_column("p50 in ms")
    for row in rows:
        made.add_column(f"{row.megapixels} MP", justify="right")
    for stage in rows[0].click.whole_stages:
        made.add_row(stage, *(f"{row.click.whole_stages[stage]:.2f}" for row in rows))
    made.add_section()
    made.add_row("all", *(f"{row.click.whole:.1f}" for row in rows))
    made.add_row("decode, bare", *(f"{row.click.bare_stages['decode']:.1f}" for row in rows))
    made.add_row("all but decode", *(f"{row.click.others:.1f}" for row in rows))
    made.add_row("goal", *(_goal(row) for row in rows))
    made.add_row("floor: a hop that does nothing", *(f"{row.click.floor:.1f}" for row in rows))
    if not all(row.click.same for row in rows):
        made.caption = "[red]The bare decode gave DIFFERENT masks.[/]"
    return made


def _goal(row: Row) -> str:
    return "" if row.reached is None else judged(f"<= {GOALS[row.megapixels]:g}", row.reached)


def run(env: Mapping[str, str], megapixels: Sequence[int], clicks: int, shown: Console) -> dict[str, Any]:
    """``clicks`` on a picture of each size, with the settings ``env``: printed, and their figures."""
    rows = []
    with Bar(len(megapixels) * clicks) as bar:
        for each in megapixels:
            bar.begin(f"{each} megapixels")
            with both(env, SIZES[each]) as asked:
                rows.append(Row(each, asked.compared(clicks, lambda: bar.advance(1))))
    shown.print(machine.described(), markup=False)
    shown.print(table(f"A warm click, model {env['MODEL']}", rows))
    said = {"machine": machine.described(), "model": env["MODEL"]}
    return {**said, "clicks": [asdict(row) for row in rows]}


def settings(model: str, checkpoints: Path, folder: Path) -> Mapping[str, str]:
    """The settings with which the application serves ``model``; stand-in weights go to ``folder``."""
    return {"MODEL": CLASSICAL} if model == CLASSICAL else of(described(model, folder, checkpoints))


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="A warm click by stage.")
    parser.add_argument("--model", default=CLASSICAL)
    parser.add_argument("--megapixels", type=int, nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--clicks", type=int, default=60)
    parser.add_argument("--checkpoints", type=Path, default=ModelOptions().model_dir, help="as MODEL_DIR")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()

    def measure(folder: Path) -> object:
        env = settings(given.model, given.checkpoints, folder)
        return run(env, given.megapixels, given.clicks, console())

    command.run(measure, given.json)


if __name__ == "__main__":
    main()
