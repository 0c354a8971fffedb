"""Takes nodes of a cluster away while annotators click, and reports what they noticed.

    python -m benchmarks.nodes                            all of it, or as a part of `make cluster-test`
    python -m benchmarks.nodes --only "worker killed"
    python -m benchmarks.nodes --only growth              Ray's autoscaler starts and stops the workers

A head and three workers, each with processes and a network of its own on this machine (Linux namespaces),
started by the commands of cluster/launcher; the Serve config is that of the production overlay with the
built-in model and two of each deployment. Annotators click through cluster/launcher/load_balancer.cfg. Each
answer is compared with that of a calm run. The exit status is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import command
from benchmarks.nodes import growth, redis
from benchmarks.nodes.report import Row, show
from benchmarks.nodes.run import EVENTS, Plan, run
from serve_app.cli.console import console
from testing import hosts

# Not below /tmp, which each host has for itself.
_FOLDER = "/var/tmp"


def main() -> None:
    """Read the arguments, take nodes away, print what annotators noticed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nodes", description="What annotators notice when nodes of a cluster die."
    )
    everything = (*EVENTS, growth.GROWTH)
    parser.add_argument("--only", nargs="+", choices=everything, default=everything, metavar="WHAT",
                        help="some of: " + ", ".join(everything))  # fmt: skip
    parser.add_argument("--annotators", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder for everything that the hosts write, outside of /tmp"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    if lacking := hosts.missing() or redis.missing():
        sys.exit(lacking)
    hosts.enter([sys.executable, "-m", "benchmarks.nodes", *sys.argv[1:]])
    plan, rows = Plan([each for each in given.only if each in EVENTS], given.annotators), list[Row]()

    def measure(folder: Path) -> object:
        for row in _all(plan, folder, grows=growth.GROWTH in given.only):
            rows.append(row)
            console(stderr=True).print(row.said(), markup=False)
        show(plan.described(), rows, console())
        return [row.as_json() for row in rows]

    tempfile.tempdir = _FOLDER
    command.run(measure, given.json, given.keep)
    sys.exit(0 if rows and all(not row.misses() for row in rows) else 1)


def _all(plan: Plan, folder: Path, *, grows: bool) -> Iterator[Row]:
    """Each needs a cluster of its own: who has an autoscaler gets no nodes otherwise."""
    if plan.only:
        yield from run(plan, folder / "lost")
    if grows:
        yield from growth.run(plan.annotators, folder / "growth")


if __name__ == "__main__":
    main()
