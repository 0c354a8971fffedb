"""Processes as Linux shows them: how much memory they hold, what they loaded, whose children they are."""

from __future__ import annotations

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
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    now, peak = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return Memory(now, peak)


def memory_of(pid: int | str) -> Memory:
    """The memory of a process that runs."""
    return memory((_PROC / str(pid) / "status").read_text())


def maps(pid: int, library: str) -> bool:
    """Whether the process has loaded a file with ``library`` in its name."""
    return library in (_PROC / str(pid) / "maps").read_text()


def descendant(title: str, ancestor: int) -> int:
    """The process id of a descendant of ``ancestor`` whose title is ``title``.

    Other applications on this machine may have processes of the same title. Raises LookupError without one.
    """
    for place in _PROC.iterdir():
        if place.name.isdigit() and _title(place) == title and ancestor in _ancestors(int(place.name)):
            return int(place.name)
    raise LookupError(f"no process {title} descends from {ancestor}")


def _title(place: Path) -> str:
    try:
        return (place / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace").strip()
    except OSError:
        return ""


def _ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        try:
            stat = (_PROC / str(pid) / "stat").read_text()
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])  # the title before it may hold spaces and brackets
        found.add(pid)
    return found
