"""Sends the ingress requests that nobody would send, and reports what is wrong with its answers.

    python -m benchmarks.fuzz                                     100,000 in this process, or `make fuzz`
    python -m benchmarks.fuzz --seed 7 --first 4711 --count 1     one of them again, with its answer
    python -m benchmarks.fuzz --url http://127.0.0.1:9090 --count 2000    to an application that was started

Real bodies of Label Studio are changed in their structure, over all routes, verbs and headers. These are
wrong: a status of 5xx other than those for images that cannot be read, an answer that is not JSON, no answer
in time, memory that grows by more than 300 MiB. The exit status is 1 then. A request depends on the seed and
its number alone, so any can be repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from benchmarks.fuzz.requests import Request
from benchmarks.fuzz.run import GROWTH_MIB, LIMIT_S, Run, run
from benchmarks.fuzz.targets import InProcess, OverHttp, Target
from benchmarks.fuzz.watch import Watch

_HELD_S = 30.0  # seconds after which a request that hangs ends the run
_MOST_MIB = 2048.0
_SHOWN_EVERY_S = 5.0


def main() -> None:
    """Read the arguments, send, print what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description="Requests nobody would send."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first request")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for one request")
    parser.add_argument("--url", help="of an application on this machine; else the ingress in this process")
    given = parser.parse_args()
    target: Target = InProcess() if given.url is None else OverHttp(given.url)
    watch, started, last = Watch(given.seed, _HELD_S, _MOST_MIB), time.monotonic(), 0.0

    def shown(told: Run, request: Request) -> None:
        nonlocal last
        watch.sees(request)
        if time.monotonic() - last > _SHOWN_EVERY_S:
            last = time.monotonic()
            print(
                f"\r{told.count} of {given.count}, {told.found} wrong, {last - started:.0f} s",
                end="",
                flush=True,
            )

    numbers = range(given.first, given.first + given.count)
    with target:
        told = asyncio.run(run(target, given.seed, numbers, shown, given.limit))
    print(f"\r{told.count} requests with seed {given.seed} in {time.monotonic() - started:.0f} s")
    print("statuses: " + ", ".join(f"{status} x {count}" for status, count in sorted(told.statuses.items())))
    for seconds, what in sorted(told.slowest, reverse=True):
        print(f"slow: {seconds * 1000:.0f} ms, {what}")
    for mib, what in sorted(told.hungriest, reverse=True):
        print(f"memory: {mib:.0f} MiB more, {what}")
    print(f"memory grew by {told.growth_mib:.0f} MiB, of {GROWTH_MIB} at most")
    for finding in told.findings:
        print(f"WRONG: {finding}")
    print(f"{told.found} wrong")
    sys.exit(0 if told.is_kept else 1)


if __name__ == "__main__":
    main()
