"""Ctrl-C in the real command, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from testing.command_process import python
from tests.serve_app.cli.fake_backend import Body, refusal
from tests.serve_app.cli.fake_label_studio import LEGACY
from tests.serve_app.cli.precompute.bench import Bench

AT_ONCE = 3
LONG_S = 120  # only a broken command takes so long

# As `python -m serve_app`, but where the tests run in the background children inherit that SIGINT is ignored.
START = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('serve_app', run_name='__main__', alter_sys=True)"
)


class Held:
    """A backend that answers nothing until it is let, and says when enough has come together."""

    def __init__(self, bench: Bench) -> None:
        self._gate = threading.Event()
        self._together = threading.Event()
        self._bench = bench
        bench.add_tasks(500)
        bench.backend.arrived = self._hold

    def _hold(self, body: Body) -> None:
        if len(self._bench.backend.bodies) >= AT_ONCE:
            self._together.set()
        self._gate.wait(LONG_S)

    def wait(self) -> None:
        assert self._together.wait(LONG_S)

    def let_go(self) -> None:
        self._gate.set()


@pytest.fixture
def held(bench: Bench) -> Iterator[Held]:
    held = Held(bench)
    yield held
    held.let_go()


def command(bench: Bench, *arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    line = ["-c", START, "precompute", "--project", "1", "--at-once", str(AT_ONCE)]
    line += ["--backend", bench.at, "--label-studio-url", bench.studio_at, *arguments]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return python(*line, env={**kept, "LABEL_STUDIO_API_KEY": LEGACY})


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, and wait until the command says that it is stopping."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("stopping: "):
            assert f"for {AT_ONCE} tasks in progress" in line
            return
    pytest.fail("it did not say that it stops")


@pytest.mark.slow
def test_ctrl_c_waits_for_what_is_under_way_and_reports(bench: Bench, held: Held) -> None:
    with command(bench, "--json") as process:
        held.wait()
        interrupt(process)
        held.let_go()
        output, errors = process.communicate(timeout=LONG_S)
    assert (process.returncode, errors) == (130, "")
    told = json.loads(output)
    assert (told["interrupted"], told["encoded"], told["failed"]) == (True, AT_ONCE, 0)
    assert len(bench.backend.bodies) == AT_ONCE
    assert len(bench.studio.windows) == 1


@pytest.mark.slow
def test_a_second_ctrl_c_waits_no_more(bench: Bench, held: Held) -> None:
    with command(bench) as process:
        held.wait()
        interrupt(process)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=LONG_S)
    assert (process.returncode, errors) == (130, "")
    assert output.startswith("0 encoded, 0 stored before, 0 failed")
    assert "run it again to continue" in output


@pytest.mark.slow
def test_what_waits_for_another_attempt_is_neither_done_nor_failed(bench: Bench, held: Held) -> None:
    bench.backend.replies += [refusal(503, "overloaded", "busy", Retry_After="60")] * AT_ONCE
    with command(bench, "--json") as process:
        held.wait()
        held.let_go()
        interrupt(process)
        output, errors = process.communicate(timeout=LONG_S)
    assert (process.returncode, errors) == (130, "")
    told = json.loads(output)
    assert (told["tasks"], told["failures"]) == (0, [])
    assert len(bench.backend.bodies) == AT_ONCE
