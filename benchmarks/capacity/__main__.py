"""How long warm clicks take with 25 to 10,000 annotators, simulated.

    python -m benchmarks.capacity

Each order of size has the replicas that `python -m serve_app plan` gives it, and clicks cost what
serve_app/capacity/costs.py says. The same seed gives the same clicks.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command
from benchmarks.capacity.simulation import WARM_UP_S, annotators, quantile_ms
from serve_app.capacity.costs import Card, default_model
from serve_app.capacity.plan import plan
from serve_app.capacity.tables import CARDS, SIZES
from serve_app.cli.console import console

SIMULATED_S = 120.0


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


def run(shown: Console) -> dict[str, Any]:
    """Simulate and print; the figures."""
    return {"simulated": simulated(shown)}


def main() -> None:
    """Read the arguments, simulate, print."""
    parser = argparse.ArgumentParser(description="Warm clicks of many annotators, simulated.")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    command.run(lambda _: run(console()), given.json)


if __name__ == "__main__":
    main()
