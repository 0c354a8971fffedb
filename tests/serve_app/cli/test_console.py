from __future__ import annotations

import io

import pytest
from rich.console import Console

from serve_app.cli.console import SPACING_S, Bar, Lines, Silence, task_progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, force_terminal=terminal, width=120, highlight=False), output


def test_lines_are_spaced_but_the_last_is_always_told() -> None:
    console, output = _console(terminal=False)
    clock = Clock()
    lines = Lines(console, clock)
    clock.now = 1.0
    for done in (1, 2, 3):
        lines.task_done(done, 6, 0)
    clock.now += SPACING_S
    for done in (4, 5):
        lines.task_done(done, 6, 1)
    lines.task_done(6, 6, 1)
    lines.task_done(6, 6, 1)
    assert output.getvalue().splitlines() == [
        "1 of 6 tasks, 0 failed, 1.0 tasks/s",
        "4 of 6 tasks, 1 failed, 0.4 tasks/s",
        "6 of 6 tasks, 1 failed, 0.5 tasks/s",
    ]


def test_a_total_that_is_not_known_is_left_out() -> None:
    console, output = _console(terminal=False)
    Lines(console, Clock()).task_done(1, None, 0)
    assert output.getvalue().startswith("1 tasks, 0 failed")


def test_a_bar_on_a_terminal() -> None:
    console, output = _console(terminal=True)
    with Bar(console) as bar:
        bar.task_done(3, None, 0)
        bar.task_done(4, 10, 2)
        bar.say("[stopping] 1 2")
    assert "4/10" in output.getvalue()
    assert "(2 failed)" in output.getvalue()
    assert "[stopping] 1 2" in output.getvalue()


def test_what_fits_where_stderr_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    assert type(task_progress(quiet=True)) is Silence
    assert type(task_progress(quiet=False)) is Lines
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert type(task_progress(quiet=False)) is Bar
