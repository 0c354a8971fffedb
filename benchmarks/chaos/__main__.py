"""Kills one process of the application after another while annotators click, and reports what they noticed.

    python -m benchmarks.chaos                                ten minutes, or `make chaos`
    python -m benchmarks.chaos --seconds 60 --only Decoder    one kind, a minute
    python -m benchmarks.chaos --decoders 2 --model mobile_sam

The application is the real one behind HAProxy, as `make serve` starts it; a stand-in for Label Studio serves
the images. Each answer is compared with that of a calm run, byte for byte except for the ids of regions.
Models that need weights get stand-ins. The run also changes a config option and a setting under load, lets
200 clients leave after 50 ms, and at the end stops the application with clicks in flight. The exit status is
1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import command
from benchmarks.chaos.run import EVERYTHING, Plan, run
from serve_app.cli.console import console
from testing.running_app import ROOT


def main() -> None:
    """Read the arguments, kill processes, print what annotators noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos", description="What annotators notice when a process dies."
    )
    parser.add_argument("--seconds", type=float, default=600, help="how long things die, in all")
    parser.add_argument(
        "--pause", type=float, default=8, help="seconds from one being back to the next death"
    )
    parser.add_argument("--only", nargs="+", choices=EVERYTHING, default=EVERYTHING, metavar="WHAT",
                        help="some of: " + ", ".join(EVERYTHING))  # fmt: skip
    parser.add_argument("--model", default="classical", help="what serves; with stand-in weights")
    parser.add_argument("--annotators", type=int, default=4)
    parser.add_argument("--decoders", type=int, default=1, help="replicas")
    parser.add_argument("--config", type=Path, default=ROOT / "configs" / "serve.yaml")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    plan = Plan(
        given.model, given.seconds, given.pause, given.annotators, given.decoders, given.only, given.config
    )
    kept = []

    def measure(folder: Path) -> object:
        report = run(plan, folder)
        report.show(console())
        kept.append(report.kept)
        return report.as_json()

    command.run(measure, given.json)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
