"""Accuracy and CPU time of the segmenter without weights, on pictures to tune it on and on others.

    python -m benchmarks.classical --set tuned --each
    python -m benchmarks.classical --photographs-only --draw drawings

``benchmarks.classical.clicking`` says where is clicked. What is tuned is tuned on the set of that name; the
reported set is only looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.classical import tables
from benchmarks.classical.measure import Row, rows
from benchmarks.classical.things import ALL_KINDS, PHOTOGRAPHS, Thing, sets_of, things
from benchmarks.encoder.tables import drawn
from serve_app.cli.console import console
from testing.still_lifes.styles import SETS


def run(
    asked: Sequence[Thing], jobs: int, shown: Console, folder: Path | None, *, each: bool
) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON. ``folder`` gets the drawings."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    found: list[Row] = []
    with Bar(len(asked)) as bar:
        last = ""
        measured = rows(asked, jobs, folder)
        for thing in asked:
            if (what := f"{thing.chosen}: {thing.kind}") != last:
                bar.begin(what)
            last = what
            found.append(next(measured))
            bar.advance(1)
    shown.print(machine.described())
    if each:
        shown.print(drawn(tables.each_sheet(found), ()))
    shown.print(drawn(tables.answers_sheet(found), (tables.CAPTION,)))
    shown.print(drawn(tables.kinds_sheet(found), ()))
    shown.print(drawn(tables.steps_sheet(found), (tables.STEPS_CAPTION,)))
    return {"machine": machine.described(), "rows": [asdict(row) for row in found]}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with a sentence when it cannot be read."""
    parser = argparse.ArgumentParser(description="What the segmenter without weights finds, click by click.")
    parser.add_argument("--set", choices=(*SETS, "all"), default="all", help="default: all")
    parser.add_argument("--kinds", nargs="+", choices=ALL_KINDS, default=ALL_KINDS, help="default: all")
    parser.add_argument("--photographs-only", action="store_true", help=f"the same as --kinds {PHOTOGRAPHS}")
    parser.add_argument("--most", type=int, choices=range(1, 100), metavar="COUNT", help="of each kind")
    parser.add_argument("--jobs", type=int, choices=range(1, 65), metavar="COUNT", default=1)
    parser.add_argument("--each", action="store_true", help="a line for each thing")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="gets a PNG of each thing")
    parser.add_argument("--json", type=Path, help="file for the figures")
    found = parser.parse_args(given)
    if found.photographs_only:
        found.kinds = (PHOTOGRAPHS,)
    return found


def main() -> None:
    """Read the arguments, measure, print."""
    asked = arguments()
    command.run(
        lambda _: run(
            things(sets_of(asked.set), asked.kinds, asked.most),
            asked.jobs,
            console(),
            asked.draw,
            each=asked.each,
        ),
        asked.json,
    )


if __name__ == "__main__":
    main()
