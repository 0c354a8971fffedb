"""How long clicks take with 25 to 10,000 annotators, simulated; and how far the simulation can be believed.

    python -m benchmarks.capacity               the simulation and its check, about eight minutes
    python -m benchmarks.capacity --simulate    the simulation alone, seconds

The check offers clicks to the running application at random times, and predicts each load before it is
offered: once with MobileSAM (stand-in weights, if there are none), whose decodes share this machine's cores
with everything else, and once with four decoders that only take time, as decoders on other machines do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from benchmarks.capacity.check import GOAL, Case, Row, checked
from benchmarks.capacity.simulation import WARM_UP_S, annotators, quantile_ms
from benchmarks.click.stages import settings
from benchmarks.models.tables import judged
from segmenters.options import ModelOptions
from serve_app.capacity.costs import Card, default_model
from serve_app.capacity.plan import plan
from serve_app.capacity.tables import CARDS, SIZES
from serve_app.cli.console import console

MODEL = "mobile_sam"
SIMULATED_S = 120.0
SLOW = "slow decoders"
CHECKED = (MODEL, SLOW)
SHARES = (0.2, 0.4, 0.6)
"""Of the clicks that an application could take at most; near that, it refuses some."""
DECODE_S = 0.1


def cases(names: Sequence[str], folder: Path) -> list[Case]:
    """Those that are named; stand-in weights go to ``folder``."""
    found = []
    if MODEL in names:
        env = settings(MODEL, ModelOptions().model_dir, folder)
        found.append(Case(MODEL, "serve_app.app:build", env, 1, 2, SHARES, elsewhere=False))
    if SLOW in names:
        env = {"DECODE_S": f"{DECODE_S}"}
        build = "benchmarks.capacity.slow_decoder:build"
        found.append(Case(SLOW, build, env, 4, 2, SHARES, elsewhere=True))
    return found


def simulated(shown: Console) -> list[dict[str, Any]]:
    """Every order of size: printed, and the figures."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Simulated, warm clicks", title_justify="left")
    for heading in ("annotators", "encoding on", "cells", "clicks", "clicks/s", "p50 ms", "p99 ms"):
        made.add_column(heading, justify="left" if heading == "encoding on" else "right")
    rows = []
    for size in SIZES:
        for card in CARDS:
            rows.append(_simulated(size, card))
            made.add_row(
                *(f"{value:.0f}" if isinstance(value, float) else f"{value}" for value in rows[-1].values())
            )
    shown.print(made)
    return rows


def _simulated(size: int, card: Card) -> dict[str, Any]:
    planned = plan(size, default_model(card), card)
    seconds = annotators(planned, SIMULATED_S)
    return {
        "annotators": size,
        "encoding on": f"{card}, {planned.model}",
        "cells": planned.cells,
        "clicks": len(seconds) * planned.cells,
        "clicks_s": len(seconds) * planned.cells / (SIMULATED_S - WARM_UP_S),
        "p50_ms": quantile_ms(seconds, 0.5),
        "p99_ms": quantile_ms(seconds, 0.99),
    }


def table(rows: Sequence[Row]) -> Table:
    """A line for each load."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Predicted and measured", title_justify="left")
    headings = (
        "application",
        "clicks/s",
        "clicks",
        "failed",
        "p50 ms",
        "measured",
        "p99 ms",
        "measured",
        "off",
    )
    for heading in (*headings, f"goal: {GOAL:.0%}"):
        made.add_column(heading, justify="left" if heading == "application" else "right")
    for row in rows:
        figures = (row.predicted_p50, row.measured_p50, row.predicted_p99, row.measured_p99)
        made.add_row(
            row.case,
            f"{row.rate:.1f}",
            f"{row.clicks}",
            f"{row.failed}",
            *(f"{value:.0f}" for value in figures),
            f"{row.off:.0%}",
            judged("", row.reached),
        )
    return made


def run(names: Sequence[str], seconds: float, folder: Path, shown: Console) -> dict[str, Any]:
    """Simulate, check against the applications that are named, print; the figures."""
    shown.print(machine.described(), markup=False)
    found: dict[str, Any] = {"machine": machine.described(), "simulated": simulated(shown)}
    rows: list[Row] = []
    asked = cases(names, folder)
    with Bar(sum(2 * len(case.shares) for case in asked) or 1) as bar:

        def after(said: str) -> None:
            bar.advance(1)
            bar.begin(f"after {said}")

        for case in asked:
            bar.begin(case.name)
            rows += checked(case, seconds, after)
    if rows:
        shown.print(table(rows))
    return found | {"checked": [asdict(row) | {"off": row.off} for row in rows]}


def main() -> None:
    """Read the arguments, simulate, measure, print."""
    parser = argparse.ArgumentParser(description="Clicks of many annotators, simulated and measured.")
    parser.add_argument("--simulate", action="store_true", help="do not start the application")
    parser.add_argument("--check", nargs="+", choices=CHECKED, default=CHECKED, help="against these")
    parser.add_argument("--seconds", type=float, default=40.0, help="of each load")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    names = [] if given.simulate else given.check
    command.run(lambda folder: run(names, given.seconds, folder, console()), given.json)


if __name__ == "__main__":
    main()
