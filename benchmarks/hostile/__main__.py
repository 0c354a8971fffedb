"""Attacks the application while honest annotators work, and reports what they noticed.

    python -m benchmarks.hostile                                     every attack, half a minute each
    python -m benchmarks.hostile --attacks stalled --seconds 60      one family
    python -m benchmarks.hostile --named "8 dripping, one host"      one attack

The application is the real one behind HAProxy, as `make serve` starts it, and is started anew for each
attack. Two annotators click on known images and two on new ones; each mask is compared with that of calm
weather. The exit status is 1 when an aim is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import command
from benchmarks.hostile.attacks import ATTACKS, FAMILIES
from benchmarks.hostile.run import Plan, run


def main() -> None:
    """Read the arguments, attack, print what annotators noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hostile",
        description="What annotators notice of hostile hosts, files and requests.",
    )
    parser.add_argument("--attacks", nargs="+", choices=FAMILIES, default=FAMILIES, metavar="WHAT",
                        help="some of: " + ", ".join(FAMILIES))  # fmt: skip
    parser.add_argument("--named", nargs="+", default=(), metavar="NAME", help="of these, the ones so named")
    parser.add_argument("--seconds", type=float, default=30, help="for which each attack lasts")
    parser.add_argument("--model", default="classical", help="what serves; with stand-in weights")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    attacks = [each for each in ATTACKS if each.family in given.attacks]
    attacks = [each for each in attacks if not given.named or each.name in given.named]
    if not attacks:
        parser.error("there is no such attack; there are: " + "; ".join(each.name for each in ATTACKS))
    kept = []

    def measure(folder: Path) -> object:
        report = run(Plan(attacks, given.seconds, given.model), folder)
        print(report.markdown())
        kept.append(report.kept)
        return report.as_json()

    command.run(measure, given.json)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
