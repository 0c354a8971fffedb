"""The console that commands print on, and the progress of long work: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    TaskID,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from segmenters.checkpoints.progress import LogProgress, Progress

_LOG = logging.getLogger("ray.serve")
_WIDE = 160  # columns, where there is no terminal

SPACING_S = 10.0


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


class TaskProgress(Protocol):
    """Is told of each task that is done, from any thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def task_done(self, done: int, total: int | None, failed: int) -> None:
        """``done`` of ``total`` tasks, None when that is not known; ``failed`` failures among them."""
        ...

    def say(self, sentence: str) -> None:
        """A line for the person who waits."""
        ...


def task_progress(*, quiet: bool) -> TaskProgress:
    """What fits where stderr goes; ``quiet`` shows nothing."""
    output = console(stderr=True)
    if quiet:
        return Silence(output)
    return Bar(output) if output.is_terminal else Lines(output)


class Silence:
    """Shows only messages."""

    def __init__(self, output: Console) -> None:
        self._output = output

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def task_done(self, done: int, total: int | None, failed: int) -> None:
        """Nothing."""

    def say(self, sentence: str) -> None:
        """A line."""
        self._output.print(sentence, markup=False, soft_wrap=True)


class Lines(Silence):
    """A line for the first task and the last, and every ten seconds in between."""

    def __init__(self, output: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(output)
        self._clock = clock
        self._lock = threading.Lock()
        self._start = clock()
        self._said = (-1, float("-inf"))

    def task_done(self, done: int, total: int | None, failed: int) -> None:
        """Say a line if one is due."""
        with self._lock:
            now = self._clock()
            due = now - self._said[1] >= SPACING_S or done == total
            if not due or done <= self._said[0]:
                return
            self._said = (done, now)
        rate = done / max(now - self._start, 1e-3)
        of = "" if total is None else f" of {total}"
        self.say(f"{done}{of} tasks, {failed} failed, {rate:.1f} tasks/s")


class Bar(Silence):
    """A bar, once the first task is done."""

    def __init__(self, output: Console) -> None:
        super().__init__(output)
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Bars(*columns, TimeRemainingColumn(), console=output)
        self._task = self._bars.add_task("tasks", total=None, start=True)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def task_done(self, done: int, total: int | None, failed: int) -> None:
        """Draw it."""
        description = f"tasks ({failed} failed)" if failed else "tasks"
        self._bars.update(self._task, completed=done, total=total, description=description)
