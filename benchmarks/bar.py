"""Progress of a benchmark on stderr: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from serve_app.cli.console import console


class Bar:
    """The progress through ``total`` units of work, all of about the same duration."""

    def __init__(self, total: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._done = 0.0
        self._clock = clock
        self._started = clock()
        shown = console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=shown, disable=not shown.is_terminal, transient=True)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, what: str) -> None:
        """Say what comes next."""
        self._bar.update(self._task, description=what)
        if self._bar.disable:
            self._bar.console.print(f"{self.state()} {what}")

    def advance(self, units: float) -> None:
        """Count finished units."""
        self._done += units
        self._bar.update(self._task, completed=self._done)

    def state(self) -> str:
        """Percent done, and the time left at the speed so far."""
        share = min(1.0, self._done / self._total)
        if not share:
            return "  0 %"
        left = (self._clock() - self._started) * (1 - share) / share
        return f"{share:4.0%}, {left / 60:.0f} min left:".replace("%", " %")
