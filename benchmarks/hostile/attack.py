"""What an attack is, and what annotators may notice of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from benchmarks.hostile.figures import Figures

Begin = Callable[[str], AbstractAsyncContextManager[object]]
"""From the application's address to a context that attacks as long as it is open. It runs on an event loop of
its own on the same machine, so it must take little CPU: annotators would feel that too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What annotators may notice of an attack; None: no limit.

    ``first_times``, ``warm_times``: the median of clicks on new and on known images, as a multiple of that of
    calm weather. ``worst_s``: the slowest first click. ``health_s``: the slowest /health. ``memory_mib``:
    growth of the memory of the application's processes.
    """

    first_times: float | None = 1.5
    warm_times: float | None = 1.5
    worst_s: float | None = 3.0
    health_s: float | None = 1.0
    memory_mib: float | None = 500.0

    def missed(self, found: Figures, calm: Figures) -> list[str]:
        """The limits that were missed, in a few words each. A lost click or a wrong mask always misses."""
        first, warm = found.first.p50 / calm.first.p50, found.warm.p50 / calm.warm.p50
        lost = found.first.lost + found.warm.lost
        said = {
            f"{lost} lost": (lost, 0),
            f"{found.wrong} WRONG": (found.wrong, 0),
            f"first clicks {first:.1f} x": (first, self.first_times),
            f"warm clicks {warm:.1f} x": (warm, self.warm_times),
            f"worst {found.first.worst:.1f} s": (found.first.worst, self.worst_s),
            f"/health {found.health_s:.2f} s": (found.health_s, self.health_s),
            f"{found.memory_mib - calm.memory_mib:+.0f} MiB": (
                found.memory_mib - calm.memory_mib,
                self.memory_mib,
            ),
        }
        missed = [words for words, (value, most) in said.items() if most is not None and value > most]
        return missed if found.first.answered else [*missed, "no first click was answered"]


@dataclass(frozen=True, slots=True)
class Attack:
    """``family``: the name by which ``--attacks`` asks for it and similar ones."""

    family: str
    name: str
    begin: Begin
    limits: Limits = field(default_factory=Limits)
