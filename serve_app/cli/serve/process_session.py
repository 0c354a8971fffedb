"""All processes of one instance, those among them whose parents have died.

They are the processes of the session that Ray runs in, and those that have left it and carry its mark, an
environment variable that every process inherits. (Ray's processes overwrite with their title the variables
that the system shows, but stay in the session.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "SERVE_APP_INSTANCE"
_ENDING_S = 5.0  # until killed processes are gone; only one that hangs in the kernel takes longer
_LOOK_S = 0.02
_PROC = Path("/proc")


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
