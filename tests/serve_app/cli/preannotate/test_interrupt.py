"""Signals for the real command, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from contextlib import AbstractContextManager

import pytest

from testing.annotated import rectangle
from testing.command_process import python
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.preannotate.desk import Desk

CAT = rectangle().region
LONG_S = 120  # only a broken command takes so long
TASKS = 20


def command(desk: Desk, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    line = ["-m", "serve_app", "preannotate", "--project", "1", "--boxes", "--at-once", "1"]
    line += ["--backend", desk.bench.at, "--label-studio-url", desk.bench.studio_at, *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return python(*line, env={**kept, "LABEL_STUDIO_API_KEY": LEGACY})


class Stop:
    """Says when so many predictions are stored, and holds up the next request until it is let go."""

    def __init__(self, desk: Desk, stored: int) -> None:
        self._desk = desk
        self._stored = stored
        self._reached = threading.Event()
        self._gate = threading.Event()
        for _ in range(TASKS):
            desk.add(CAT)

    def hold(self, body: object) -> None:
        if len(self._desk.stored()) >= self._stored and not self._gate.is_set():
            self._reached.set()
            self._gate.wait(LONG_S)

    def wait(self) -> None:
        assert self._reached.wait(LONG_S)

    def let_go(self) -> None:
        self._gate.set()


@pytest.mark.slow
def test_sigterm_ends_it_with_the_report(desk: Desk) -> None:
    stop = Stop(desk, 5)
    desk.backend.arrived = stop.hold
    with command(desk, "--json") as process:
        stop.wait()
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("stopping: waiting briefly for 1 tasks in progress")
        stop.let_go()
        output, errors = process.communicate(timeout=LONG_S)
    assert (process.returncode, errors) == (130, "")
    told = json.loads(output)
    assert (told["interrupted"], told["stored"], told["failed"]) == (True, 6, 0)
    assert desk.told()["stored"] == TASKS - 6


@pytest.mark.slow
def test_after_sigkill_nothing_is_stored_twice(desk: Desk) -> None:
    """The worst moment: Label Studio has stored what the command never hears of."""
    stop = Stop(desk, 5)
    desk.studio.stored = stop.hold
    with command(desk) as process:
        stop.wait()
        process.kill()
        process.communicate(timeout=LONG_S)
    stop.let_go()
    told = desk.told()
    assert (told["exit"], told["stored_before"], told["stored"]) == (0, 5, TASKS - 5)
    assert {len(kept) for kept in desk.stored().values()} == {1}
    assert len(desk.stored()) == TASKS
