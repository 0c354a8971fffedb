"""The table, in the form of docs/reliability.md."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks import machine
from benchmarks.hostile.attack import Attack
from benchmarks.hostile.figures import Figures

_HEADINGS = (
    "attack",
    "first click p50 s",
    "x calm",
    "worst s",
    "504s",
    "lost",
    "warm click p50 / p99 s",
    "x calm",
    "`/health` worst s, calm",
    "MiB more",
    "aim",
)


@dataclass(frozen=True, slots=True)
class Line:
    """An attack, and what annotators noticed before and during it."""

    attack: Attack
    calm: Figures
    found: Figures

    @property
    def missed(self) -> list[str]:
        """The limits that were missed."""
        return self.attack.limits.missed(self.found, self.calm)

    def cells(self) -> list[str]:
        """One row of the table."""
        found, calm = self.found, self.calm
        lost = {**found.first.lost_as}
        for what, count in found.warm.lost_as.items():
            lost[what] = lost.get(what, 0) + count
        late = lost.pop("504", 0)
        return [
            self.attack.name,
            f"{found.first.p50:.2f}",
            f"{found.first.p50 / calm.first.p50:.2f}",
            f"{found.first.worst:.2f}",
            f"{late}",
            ", ".join(f"{count} x {what}" for what, count in lost.items()) or "0",
            f"{found.warm.p50:.2f} / {found.warm.p99:.2f}",
            f"{found.warm.p50 / calm.warm.p50:.2f} / {found.warm.p99 / calm.warm.p99:.2f}",
            f"{found.health_s:.2f}, {calm.health_s:.2f}",
            f"{found.memory_mib - calm.memory_mib:+.0f}",
            f"missed: {', '.join(self.missed)}" if self.missed else "kept",
        ]


@dataclass
class Report:
    """The results of a run. ``described``: model, load."""

    described: str
    lines: list[Line] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether no aim was missed."""
        return not any(line.missed for line in self.lines)

    def markdown(self) -> str:
        """The machine, calm weather, and a row for each attack."""
        rows = [list(_HEADINGS), ["---"] * len(_HEADINGS), *(line.cells() for line in self.lines)]
        calm = [line.calm for line in self.lines]
        firsts, warms = ([getattr(each, kind).p50 for each in calm] for kind in ("first", "warm"))
        about = (
            f"{machine.described()}\n{self.described}\n"
            f"calm: first clicks {min(firsts):.2f} to {max(firsts):.2f} s, "
            f"warm ones {min(warms):.2f} to {max(warms):.2f} s (p50)\n"
        )
        return about + "\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)

    def as_json(self) -> dict[str, Any]:
        """For the file of figures."""
        return {
            "machine": machine.described(),
            "described": self.described,
            "attacks": [
                {
                    "name": line.attack.name,
                    "calm": asdict(line.calm),
                    "found": asdict(line.found),
                    "missed": line.missed,
                }
                for line in self.lines
            ],
        }
