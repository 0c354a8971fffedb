"""The memory of a side: all processes that it started, and their children."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from testing.processes import memory_of


@dataclass(frozen=True, slots=True)
class Tree:
    """``processes``: how many run. ``now``, ``peak``: MiB of all of them.

    ``now`` counts shared pages once. ``peak`` counts them in each process, so it is too large for many of
    them.
    """

    processes: int
    now: float
    peak: float


def tree(root: int, proc: Path = Path("/proc")) -> Tree:
    """The tree of the process ``root``; what ends meanwhile is left out."""
    parents: dict[int, int] = {}
    for folder in proc.iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit():
                stat = (folder / "stat").read_text()
                parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    nows, peaks = [], []
    for pid in found:
        with contextlib.suppress(OSError, KeyError):  # a process that has ended has no memory
            now, peak = _share(proc / str(pid)), memory_of(pid).peak
            nows.append(now)
            peaks.append(peak)
    return Tree(len(peaks), sum(nows), sum(peaks))


def _share(folder: Path) -> float:
    """MiB of a process's memory, and of what it shares with others its part."""
    fields = dict(line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
    return int(fields["Pss"].split()[0]) / 1024
