"""A decoder replica of the running application: its memory, and how long a new one takes to start."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from testing.processes import Memory, descendant, maps, memory_of
from testing.running_app import RunningApp

MEMORY_GOAL = 600.0  # MiB
START_GOAL = 5.0  # seconds

_TITLE = "ray::ServeReplica:segment-anything:Decoder"
_STARTED = re.compile(
    r"deployment='Decoder', app='segment-anything'\) started successfully .* after ([\d.]+)s "
    r".*health check took ([\d.]+)s"
)
_PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds. ``whole``: from Serve's decision to a replica that answers; ``load``: of loading the model."""

    whole: float
    load: float


@dataclass(frozen=True, slots=True)
class Replica:
    """``memory``: after clicks. ``torch``: whether it has loaded torch.

    ``first``: its start, together with all other replicas. ``alone``: the start of the one that replaced it.
    """

    memory: Memory
    torch: bool
    first: Start
    alone: Start


def measure(app: RunningApp) -> Replica:
    """Look at the application's decoder replica, then end it and wait for the one that replaces it."""
    pid = descendant(_TITLE, app.process.pid)
    memory, torch = memory_of(pid), maps(pid, "libtorch")
    [first, *_] = _wait(lambda: starts(_controller_log(app)), 1)
    os.kill(pid, signal.SIGKILL)
    [*_, alone] = _wait(lambda: starts(_controller_log(app)), 2)
    return Replica(memory, torch, first, alone)


def starts(log: str) -> list[Start]:
    """Every start of a decoder replica in the log of Serve's controller, in order."""
    return [Start(float(whole), float(load)) for whole, load in _STARTED.findall(log)]


def _controller_log(app: RunningApp) -> str:
    folder = app.logs / "serve"
    return "".join(path.read_text() for path in folder.glob("controller_[0-9]*.log"))


def _wait(look: Callable[[], list[Start]], count: int) -> list[Start]:
    """The starts, once there are ``count``."""
    deadline = time.monotonic() + _PATIENCE_S
    while len(found := look()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no decoder replica has started anew in {_PATIENCE_S:g} s")
        time.sleep(0.2)
    return found
