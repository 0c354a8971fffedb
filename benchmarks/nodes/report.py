"""What annotators noticed of each event, and what they were allowed to notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from testing.annotating.figures import Figures

RUNNING_S = 60.0
"""Seconds after which everything runs again, unless a row says otherwise."""


@dataclass(frozen=True)
class Row:
    """One event. ``running_s``: until Serve said that as many replicas run as there should be, not counting
    what was lost; ``within_s``: what is allowed."""

    running_s: float
    figures: Figures
    within_s: float = RUNNING_S

    def misses(self) -> list[str]:
        """The targets that were missed, in a few words each."""
        lost = sum(self.figures.lost.values())
        found = {
            f"{lost} lost": lost,
            f"{self.figures.wrong} wrong": self.figures.wrong,
            f"running after {self.running_s:.0f} s": self.running_s > self.within_s,
        }
        return [words for words, missed in found.items() if missed]

    def said(self) -> str:
        """The row in a line, for who waits for the table."""
        found, verdict = self.figures, ", ".join(self.misses()) or "kept"
        return (
            f"{found.what}: {found.clicks} clicks, {sum(found.lost.values())} lost {found.lost or ''}, "
            f"{found.wrong} wrong, p50 {found.p50:.2f} s, p99 {found.p99:.2f} s (known images "
            f"{found.warm_p99:.2f} s), running again after {self.running_s:.0f} s: {verdict}"
        )

    def as_json(self) -> dict[str, Any]:
        """For the file of figures."""
        return asdict(self) | {"missed": self.misses()}


def show(described: str, rows: Sequence[Row], shown: Console) -> None:
    """Print the table."""
    shown.print(machine.described(), markup=False)
    shown.print(described, markup=False)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("what happens")
    for heading in (
        "clicks",
        "lost",
        "wrong",
        "p50 s",
        "p99 s",
        "p99 s, known",
        "/health down s",
        "running s",
    ):
        made.add_column(heading, justify="right")
    made.add_column("verdict")
    for row in rows:
        found = row.figures
        lost = " ".join([f"{sum(found.lost.values())}", *found.lost])
        made.add_row(
            *(found.what, f"{found.clicks}", lost, f"{found.wrong}", f"{found.p50:.2f}", f"{found.p99:.2f}"),
            *(f"{found.warm_p99:.2f}", f"{found.health_down:.1f}", f"{row.running_s:.0f}"),
            ", ".join(row.misses()) or "kept",
        )
    shown.print(made)
