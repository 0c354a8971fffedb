"""The supervisor: the process that the operator starts and signals. It runs Ray in another process.

A signal to the process group, as shells, Docker and systemd send it, would end Ray's own processes before
anybody could stop HAProxy. So Ray runs in a session of its own, and only the supervisor is in the operator's
group. The supervisor passes the first signal on, limits the time of the stop, and kills whatever is left of
the other session at the end. When the supervisor itself is killed, the inner process notices and stops.

What is left are the processes of that session, and those that have left it and carry its mark, an environment
variable that every process inherits. (Ray's processes overwrite with their title the variables that the
system shows, but stay in the session.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import typer

MARK = "SERVE_APP_INSTANCE"
_ENDING_S = 5.0  # until killed processes are gone; only one that hangs in the kernel takes longer
_LOOK_S = 0.02
_PROC = Path("/proc")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Session:
    """The session that ``leader`` leads, and whatever has ``mark`` as its variable ``MARK``."""

    leader: int
    mark: str

    @classmethod
    def own(cls) -> Session:
        """The session of this process, which leads it."""
        return cls(os.getpid(), os.environ[MARK])

    def members(self) -> set[int]:
        """The process ids that are alive, zombies not counted."""
        return {pid for pid in _processes() if self._has(pid) and not _zombie(pid)}

    def end(self, *, spare: int = 0) -> int:
        """Kill every process but ``spare``, and wait until they are gone; how many there were."""
        first = left = self.members() - {spare}
        deadline = time.monotonic() + _ENDING_S
        while left and time.monotonic() < deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_LOOK_S)
            _reap()
            left = self.members() - {spare}
        return len(first)

    def _has(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self.leader or self._marked(pid)
        except OSError:  # it has ended, or belongs to somebody else
            return False

    def _marked(self, pid: int) -> bool:
        variables = _PROC / str(pid) / "environ"
        return f"{MARK}={self.mark}".encode() in variables.read_bytes().split(b"\0")


def _processes() -> Iterator[int]:
    if _PROC.is_dir():
        names = [each.name for each in _PROC.iterdir()]
    else:  # macOS
        command = ["/bin/ps", "-A", "-o", "pid="]
        names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return (int(name) for name in names if name.isdecimal())


def _zombie(pid: int) -> bool:
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b") ")[2].startswith(b"Z")
    except OSError:
        return False


def _reap() -> None:
    """Collect ended processes that this one has inherited, as process 1 of a container does."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def supervise(command: Sequence[str], stop_s: float) -> int:
    """Run ``command`` in a session of its own and return its exit status; none of its processes is left then.

    The first SIGINT, SIGTERM or SIGHUP is passed on to it; ``stop_s`` seconds later everything is killed. The
    status is 0 after a signal, if it ended in time. Its standard input ends when this process ends.
    """
    outer = _Supervisor(stop_s)
    mark = uuid.uuid4().hex
    environment = {**os.environ, MARK: mark}
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, env=environment) as inner:
        status = outer.wait_for(inner.pid)
        inner.returncode = os.waitstatus_to_exitcode(status)  # waitpid has collected it already
        left = Session(inner.pid, mark).end()
    if outer.overdue:
        said = f"The application had not stopped {stop_s:.0f} s after the signal: its processes were ended."
        typer.secho(said, fg="red", err=True)
    if outer.asked:
        return int(outer.overdue)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        said = f"The application was ended by {name}; "
        typer.secho(f"{said}what was left of it, {left} processes, was ended too.", fg="red", err=True)
        return 1
    return os.WEXITSTATUS(status)


class _Supervisor:
    """Waits for the inner process and passes signals on to it."""

    def __init__(self, stop_s: float) -> None:
        self.asked = self.overdue = False
        self._inner = 0
        self._stop_s = stop_s
        for each in SIGNALS:
            # Under nohup SIGHUP is ignored and stays so, since the application is to survive the terminal. A
            # shell lets what it starts in the background ignore SIGINT, which is taken here all the same.
            if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, self._hand_on)
        signal.signal(signal.SIGALRM, self._give_up)

    def wait_for(self, inner: int) -> int:
        """Wait until the process ``inner`` ends, passing signals on to it; its wait status."""
        self._inner = inner
        if self.asked:  # the signal came before the process
            self._tell(signal.SIGTERM)
        while True:
            ended, status = os.waitpid(-1, 0)  # process 1 of a container collects others too
            if ended == inner:
                signal.setitimer(signal.ITIMER_REAL, 0)
                return status

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            without_terminal()
        if not self.asked:  # a second Ctrl-C must not cut off answers under way
            self.asked = True
            signal.setitimer(signal.ITIMER_REAL, self._stop_s)
            # Not SIGINT, which ends in a traceback while Python still starts.
            self._tell(signal.SIGHUP if number == signal.SIGHUP else signal.SIGTERM)

    def _give_up(self, number: int, frame: FrameType | None) -> None:
        self.overdue = True
        self._tell(signal.SIGKILL)

    def _tell(self, number: int) -> None:
        if self._inner:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._inner, number)


def stop_with_supervisor(stop_s: float) -> None:
    """In the inner process: stop when the supervisor has died; ``stop_s`` seconds later kill what is left."""
    threading.Thread(target=_follow, args=(stop_s,), name="supervisor watch", daemon=True).start()


def _follow(stop_s: float) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    own = os.getpid()
    os.kill(own, signal.SIGTERM)
    time.sleep(stop_s)
    Session.own().end(spare=own)
    os._exit(1)


def without_terminal() -> None:
    """Send what is printed to /dev/null: the terminal is gone, and printing to it would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
