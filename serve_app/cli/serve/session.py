"""All processes of one instance: those of the session that its application runs in.

Ray's processes, the replicas and HAProxy belong to it whoever started them and whoever of them has died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_ENDING_S = 5.0  # until processes that were killed are gone; longer takes only what hangs in the kernel
_LOOK_S = 0.02
_PROC = Path("/proc")


def members(session: int) -> set[int]:
    """The process ids of the session that are alive, zombies not counted."""
    found = set()
    for pid in _processes():
        with contextlib.suppress(OSError):
            if os.getsid(pid) == session and not _zombie(pid):
                found.add(pid)
    return found


def end(session: int, *, spare: int = 0) -> int:
    """Kill every process of the session but ``spare``, and wait until they are gone; how many there were."""
    first = members(session) - {spare}
    deadline = time.monotonic() + _ENDING_S
    left = first
    while left and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_S)
        _reap()
        left = members(session) - {spare}
    return len(first)


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
    """Bury what was left to this process, as to process 1 of a container."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
