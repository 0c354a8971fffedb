"""The two processes of `serve`, with small programs in place of Ray and HAProxy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from serve_app.cli.serve.supervisor import Session
from testing.running_app import ROOT

# Stands for HAProxy: it ignores what it is told, and is nobody's child once its parent has died.
STUBBORN = (
    "import signal, time; [signal.signal(each, signal.SIG_IGN) for each in (1, 2, 15)]; time.sleep(999)"
)
OUTER = """
import sys
from serve_app.cli.serve.supervisor import supervise
sys.exit(supervise(sys.argv[2:], float(sys.argv[1])))
"""
GONE_S = 30


class Running:
    """`supervise` around a program that says `ready` when it takes signals."""

    def __init__(self, program: str, stop_s: float = 60) -> None:
        program = (
            f"import os, signal, subprocess, sys, time\nSTUBBORN = {STUBBORN!r}\n{textwrap.dedent(program)}"
        )
        self.outer = subprocess.Popen(
            [sys.executable, "-c", OUTER, str(stop_s), sys.executable, "-c", program],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.outer.stdout is not None
        pid, mark = self.outer.stdout.readline().decode().split()
        self.inner = int(pid)
        self.session = Session(self.inner, mark)

    def end(self) -> tuple[int, str, str]:
        """The exit status and what was printed since; nothing is left then."""
        out, err = self.outer.communicate(timeout=60)
        assert self.session.members() == set()
        return self.outer.returncode, out.decode(), err.decode()


STOPS = """
    def told(number, frame):
        print("told", number, flush=True)
        signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))
        print("stopping", flush=True)

    for each in (1, 2, 15):
        signal.signal(each, told)
    for away in (False, True):
        subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=away)
    print(os.getpid(), os.environ['SERVE_APP_INSTANCE'], flush=True)
    while True:
        time.sleep(99)
"""


def test_the_status_of_the_command_is_passed_on() -> None:
    assert Running("print(os.getpid(), os.environ['SERVE_APP_INSTANCE'], flush=True); sys.exit(3)").end() == (
        3,
        "",
        "",
    )


@pytest.mark.parametrize(
    ("number", "told"),
    [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP, signal.SIGHUP)],
    ids=lambda each: each.name,
)
def test_a_signal_to_the_group_is_handed_on_once_and_nothing_is_left(
    number: signal.Signals, told: signal.Signals
) -> None:
    running = Running(STOPS)
    assert running.outer.stdout is not None
    os.killpg(running.outer.pid, number)
    assert running.outer.stdout.readline() == b"told %d\n" % told
    assert running.outer.stdout.readline() == b"stopping\n"
    os.killpg(running.outer.pid, signal.SIGINT)  # the second Ctrl-C
    os.kill(running.inner, signal.SIGUSR1)
    assert running.end() == (0, "", "")


def test_what_does_not_stop_in_time_is_ended_and_said() -> None:
    running = Running(STOPS, stop_s=0.1)
    os.kill(running.outer.pid, signal.SIGTERM)
    status, _, said = running.end()
    assert status == 1
    assert "had not stopped 0 s after the signal" in said


def test_a_command_that_is_killed_leaves_nothing_and_is_said() -> None:
    running = Running(STOPS)
    os.kill(running.inner, signal.SIGKILL)
    status, _, said = running.end()
    assert status == 1
    assert "ended by SIGKILL" in said


def test_the_command_stops_when_the_process_that_was_started_is_killed() -> None:
    running = Running(
        """
        from serve_app.cli.serve import supervisor
        subprocess.Popen([sys.executable, "-c", STUBBORN])
        signal.signal(signal.SIGTERM, lambda *_: print("told", flush=True))
        supervisor.stop_with_supervisor(0.1)
        print(os.getpid(), os.environ['SERVE_APP_INSTANCE'], flush=True)
        while True:
            time.sleep(99)
        """
    )
    running.outer.kill()
    out, _ = running.outer.communicate(timeout=GONE_S)  # until all that could print have ended
    assert out == b"told\n"
    deadline = time.monotonic() + GONE_S
    while running.session.members() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.session.members() == set()


def test_started_under_nohup_it_survives_the_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        running = Running(STOPS)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert running.outer.stdout is not None
    os.kill(running.outer.pid, signal.SIGHUP)
    os.kill(running.outer.pid, signal.SIGTERM)
    assert running.outer.stdout.readline() == b"told 15\n"
    os.kill(running.inner, signal.SIGKILL)
    assert running.end()[0] == 0


def test_a_session_is_all_its_processes_and_no_others() -> None:
    assert os.getpid() in Session(os.getsid(0), "").members()
    assert Session(2**22 + 1, "nobody").members() == set()
