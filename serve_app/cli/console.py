"""The console that commands print on, and the progress of long work: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from segmenters.checkpoints.progress import LogProgress, Progress

_LOG = logging.getLogger("ray.serve")
_WIDE = 160  # columns, where there is no terminal


def console(*, stderr: bool = False) -> Console:
    """A console. It wraps lines on a terminal only: programs read them elsewhere."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDE)


@contextmanager
def progress(name: str) -> Iterator[Progress]:
    """Show progress on stderr, a bar on a terminal and lines elsewhere, and what is logged meanwhile."""
    shown = console(stderr=True)
    handler, level = _ToConsole(shown), _LOG.level
    _LOG.addHandler(handler)
    _LOG.setLevel(logging.INFO)
    try:
        if not shown.is_terminal:
            yield LogProgress(name)
            return
        columns = ("{task.description}", BarColumn(), DownloadColumn(binary_units=True))
        with Bars(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=shown) as bars:
            yield _Bar(bars, name)
    finally:
        _LOG.removeHandler(handler)
        _LOG.setLevel(level)


class _Bar:
    """Draws the progress of one file, once there is any."""

    def __init__(self, bars: Bars, name: str) -> None:
        self._bars = bars
        self._name = name
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int | None) -> None:
        if self._task is None:
            self._task = self._bars.add_task(self._name)
        self._bars.update(self._task, completed=done, total=total)


class _ToConsole(logging.Handler):
    """Shows what is logged as lines, above the bar if there is one."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(record.getMessage(), markup=False, soft_wrap=True)
