"""Upgrades the application while annotators click: another setting, other code, another model.

    python -m benchmarks.upgrade                                  all of it, with surge and without
    python -m benchmarks.upgrade --only model --surge with

The application is the real one behind HAProxy, as `make serve` starts it. Each change is deployed as `serve
deploy` does it. "With surge", new replicas start before the old ones stop, as the application sets it;
"without", Serve stops old ones first. Each answer is compared with what the model that it names answers in
calm. The exit status is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import command
from benchmarks.upgrade.report import Row, show
from benchmarks.upgrade.run import CHANGES, SURGES, Plan, run
from serve_app.cli.console import console


def main() -> None:
    """Read the arguments, upgrade, print what annotators noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.upgrade", description="What annotators notice of upgrades."
    )
    parser.add_argument("--only", nargs="+", choices=CHANGES, default=CHANGES, help="what is changed")
    parser.add_argument("--surge", nargs="+", choices=SURGES, default=SURGES)
    parser.add_argument("--model", default="classical", help="what serves at first")
    parser.add_argument("--to", default="mobile_sam", help="the model that is changed to; stand-in weights")
    parser.add_argument("--annotators", type=int, default=4)
    parser.add_argument("--decoders", type=int, default=2, help="replicas")
    parser.add_argument("--calm", type=float, default=20, help="seconds without a change, to compare with")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    rows: list[Row] = []

    def measure(folder: Path) -> object:
        for surge in given.surge:
            plan = Plan(
                given.model, given.to, given.only, surge, given.annotators, given.decoders, given.calm
            )
            for row in run(plan, folder):
                rows.append(row)
                console(stderr=True).print(row.said(), markup=False)
        show(rows, console())
        return [row.as_json() for row in rows]

    command.run(measure, given.json)
    sys.exit(0 if all(not row.misses() for row in rows) else 1)


if __name__ == "__main__":
    main()
