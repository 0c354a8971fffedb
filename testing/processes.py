"""Processes as Linux shows them: their memory, the libraries they loaded, their parents."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """``now``, ``peak``: MiB of resident memory, shared libraries included."""

    now: float
    peak: float


def memory(status: str) -> Memory:
    """What ``/proc/PID/status`` says. Raises KeyError for a process that ended."""
    fields = _fields(status)
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Memory(now, peak)


def memory_of(pid: int | str) -> Memory:
    """The memory of a process that runs."""
    return memory((_PROC / str(pid) / "status").read_text())


def share_of(pid: int) -> float:
    """MiB of resident memory, of what it shares with others its part. Raises OSError, or KeyError where the
    process has ended."""
    rollup = _fields((_PROC / str(pid) / "smaps_rollup").read_text())
    return int(rollup["Pss"].split()[0]) / 1024


def maps(pid: int, library: str) -> bool:
    """Whether the process has loaded a file with ``library`` in its name."""
    return library in (_PROC / str(pid) / "maps").read_text()


def descendant(title: str, ancestor: int) -> int:
    """The process id of a descendant of ``ancestor`` whose title is ``title``.

    Other applications on this machine may have processes of the same title. Raises LookupError without one.
    """
    for pid, words in descendants(ancestor):
        if words[0].strip() == title:
            return pid
    raise LookupError(f"no process {title} descends from {ancestor}")


def descendants(ancestor: int) -> Iterator[tuple[int, list[str]]]:
    """Process id and command line of each process that descends from ``ancestor``."""
    for pid, words in everything():
        if ancestor in _ancestors(pid):
            yield pid, words


def everything() -> Iterator[tuple[int, list[str]]]:
    """Process id and command line of each process on this machine; what has ended has none."""
    for place in _PROC.iterdir():
        if place.name.isdigit():
            try:
                line = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if line:
                yield int(place.name), line.decode(errors="replace").split("\0")


def started(pid: int) -> int:
    """The tick of the machine's clock at which a process started; 0 for one that has ended."""
    try:
        return int(_stat(pid)[19])
    except OSError:
        return 0


def cpu_s(ancestor: int) -> float:
    """CPU seconds so far of a process and all that descend from it, those that have ended included."""
    ticks = 0
    for pid in (ancestor, *(pid for pid, _ in descendants(ancestor))):
        with contextlib.suppress(OSError):
            ticks += sum(map(int, _stat(pid)[11:15]))  # its own, and those of children that it waited for
    return ticks / os.sysconf("SC_CLK_TCK")


def _fields(text: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        try:
            pid = int(_stat(pid)[1])
        except OSError:
            break
        found.add(pid)
    return found


def _stat(pid: int) -> list[str]:
    """What Linux says of a process from its state on; the title before that may hold spaces and brackets."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def come_first() -> None:
    """The calling thread goes before all others of the machine, where it may; what it starts does not.

    For who measures: what waits for a processor itself takes its own waiting for that of an answer.
    """
    with contextlib.suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
