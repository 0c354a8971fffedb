"""What annotators noticed of each upgrade, and what they were allowed to notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.chaos.targets import NOTICED_S
from testing.annotating.figures import Figures

TIMES_CALM = 3.0
"""The p99 that is allowed, as a multiple of that of calm weather."""


@dataclass(frozen=True)
class Row:
    """One upgrade. ``calm_p99``: seconds before it. ``deployed_s``: until Serve said that it was done.
    ``wrong``: answers that are not what the model that they name answers. ``encoded``: known images that were
    read again, to be encoded."""

    surge: str
    change: str
    calm_p99: float
    deployed_s: float
    wrong: int
    encoded: int
    figures: Figures

    @property
    def times_calm(self) -> float:
        """The p99 as a multiple of the calm one."""
        return self.figures.p99 / self.calm_p99

    def misses(self) -> list[str]:
        """The targets that were missed, in a few words each."""
        lost = sum(self.figures.lost.values())
        slow = self.figures.p99 > max(NOTICED_S, TIMES_CALM * self.calm_p99)
        found = {f"{lost} lost": lost, f"{self.wrong} wrong": self.wrong, f"{self.times_calm:.1f} x": slow}
        return [words for words, missed in found.items() if missed]

    def said(self) -> str:
        """The row in a line, for who waits for the table."""
        found = self.figures
        return (
            f"{self.surge} surge, {self.change}: {found.clicks} clicks, {sum(found.lost.values())} lost,"
            f" {self.wrong} wrong, p50 {found.p50:.2f} s, p99 {found.p99:.2f} s ({self.times_calm:.1f} x"
            f" {self.calm_p99:.2f} s), deployed in {self.deployed_s:.0f} s, {self.encoded} encoded again"
        )

    def as_json(self) -> dict[str, Any]:
        """For the file of figures."""
        return asdict(self) | {"missed": self.misses()}


def show(rows: Sequence[Row], shown: Console) -> None:
    """Print the table."""
    shown.print(machine.described(), markup=False)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("surge", "change"):
        made.add_column(heading)
    for heading in ("done s", "clicks", "lost", "wrong", "p50 s", "p99 s", "calm p99 s", "x calm",
                    "/health down s", "encoded again"):  # fmt: skip
        made.add_column(heading, justify="right")
    made.add_column("verdict")
    for row in rows:
        found = row.figures
        lost = " ".join([f"{sum(found.lost.values())}", *found.lost])
        made.add_row(
            *(row.surge, row.change, f"{row.deployed_s:.0f}", f"{found.clicks}", lost, f"{row.wrong}"),
            *(f"{found.p50:.2f}", f"{found.p99:.2f}", f"{row.calm_p99:.2f}", f"{row.times_calm:.1f}"),
            *(f"{found.health_down:.1f}", f"{row.encoded}", ", ".join(row.misses()) or "kept"),
        )
    shown.print(made)
