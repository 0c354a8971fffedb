"""The tables: what died, what annotators noticed, what they were allowed to notice, and the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.chaos.leaving import Left
from benchmarks.chaos.stopping import STOP_S, Stopped
from benchmarks.chaos.targets import Target
from testing.annotating.figures import Calm, Figures


@dataclass
class Report:
    """The results of a run. ``described``: model, replicas, load."""

    described: str
    targets: dict[str, Target]
    calm: Calm
    events: list[Figures] = field(default_factory=list)
    left: Left | None = None
    stopped: Stopped | None = None

    @property
    def kept(self) -> bool:
        """Whether no target was missed."""
        return all(verdict == "kept" for _, verdict in self.verdicts())

    def verdicts(self) -> list[tuple[str, str]]:
        """`kept`, or what was missed, by the line's name."""
        found = [(each.what, self._verdict(each)) for each in self.events]
        if self.left is not None:
            found.append(("clients that leave", "kept" if self.left.decoded <= self.left.begun else "missed"))
        if self.stopped is not None:
            found.append(("stop", "kept" if self.stopped.kept else "missed"))
        return found

    def show(self, shown: Console) -> None:
        """Print it."""
        shown.print(machine.described(), markup=False)
        shown.print(self.described, markup=False)
        shown.print(
            f"in calm weather 99 % of the clicks take at most {self.calm.warm_p99:.2f} s on known images, "
            f"{self.calm.cold_p99:.2f} s on new ones"
        )
        if self.events:
            shown.print(self._table())
        if self.left is not None:
            shown.print(
                f"{self.left.clients} clients that left after 50 ms: {self.left.decoded} clicks decoded, "
                f"{self.left.begun} can have begun by then: {dict(self.verdicts())['clients that leave']}"
            )
        if self.stopped is not None:
            each = self.stopped
            shown.print(
                f"SIGTERM with {each.clicks} clicks in flight: {len(each.lost)} lost {each.lost or ''}, "
                f"ended after {each.seconds:.1f} s (at most {STOP_S:g}), {each.left} processes left: "
                f"{dict(self.verdicts())['stop']}"
            )

    def as_json(self) -> dict[str, Any]:
        """For the file of figures."""
        return {
            "machine": machine.described(),
            "described": self.described,
            "calm": asdict(self.calm),
            "events": [asdict(each) | {"verdict": self._verdict(each)} for each in self.events],
            "left": asdict(self.left) if self.left else None,
            "stopped": asdict(self.stopped) if self.stopped else None,
        }

    def _verdict(self, each: Figures) -> str:
        return "; ".join(self.targets[each.what].misses(each, self.calm)) or "kept"

    def _table(self) -> Table:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        numbers = (
            "times",
            "clicks",
            "lost",
            "wrong",
            "p50 s",
            "p99 s",
            "warm p99 s",
            "back in s",
            "/health down s",
        )
        made.add_column("what dies or changes")
        for heading in numbers:
            made.add_column(heading, justify="right")
        made.add_column("aim")
        made.add_column("verdict")
        for each in self.events:
            verdict = self._verdict(each)
            lost = " ".join([f"{sum(each.lost.values())}", *each.lost])
            seconds = (each.p50, each.p99, each.warm_p99, each.back, each.health_down)
            made.add_row(
                each.what,
                *(f"{each.events}", f"{each.clicks}", lost, f"{each.wrong}"),
                *(f"{value:.2f}" for value in seconds),
                self.targets[each.what].said(),
                verdict if verdict == "kept" else f"[red]missed: {verdict}[/red]",
            )
        return made
