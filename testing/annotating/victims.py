"""The processes of a running application that may die, and their deaths."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from testing import processes
from testing.running_app import RunningApp

THERE_S = 120.0
"""Seconds that a process may take to appear."""

_APPLICATION = "segment-anything"


@dataclass(frozen=True)
class Victim:
    """A kind of process that is killed. ``find``: the ids of all that run. ``returns``: a new one starts by
    itself."""

    name: str
    find: Callable[[RunningApp], list[int]]
    returns: bool = True

    def kill(
        self, app: RunningApp, choose: random.Random, moment: Callable[[], None] = lambda: None
    ) -> float:
        """``kill_together`` of this one alone."""
        return kill_together((self,), app, choose, moment)

    def wait(self, app: RunningApp, without: set[int]) -> list[int]:
        """Wait until a process runs that is not among ``without``; the ids of all that run then.

        Raises RuntimeError if none appears in time.
        """
        deadline = time.monotonic() + THERE_S
        while not set(found := self.find(app)) - without:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {self.name} was there for {THERE_S:g} s")
            time.sleep(0.1)
        return found


def kill_together(
    victims: Sequence[Victim],
    app: RunningApp,
    choose: random.Random,
    moment: Callable[[], None] = lambda: None,
) -> float:
    """Kill one process of each kind, and wait until other ones run; the time of death by the monotonic clock.

    They die when ``moment`` returns. Raises RuntimeError where none appears in time.
    """
    before = [victim.wait(app, without=set()) for victim in victims]
    moment()
    died = time.monotonic()
    for running in before:
        os.kill(choose.choice(running), signal.SIGKILL)
    for victim, running in zip(victims, before, strict=True):
        if victim.returns:
            victim.wait(app, without=set(running))
    return died


def _titled(title: str) -> Callable[[RunningApp], list[int]]:
    return lambda app: [
        pid for pid, words in processes.descendants(app.process.pid) if words[0].startswith(title)
    ]


def _replica(deployment: str) -> Victim:
    return Victim(deployment, _titled(f"ray::ServeReplica:{_APPLICATION}:{deployment}"))


def haproxy(app: RunningApp) -> list[int]:
    """The process that listens at the application's port. Those that end after a reload no longer listen.

    It may outlive the process that started it, so it is not always a descendant.
    """
    port = urlsplit(app.url).port
    found = [pid for pid, words in processes.everything() if _listens(words, f":{port}")]
    return sorted(found, key=processes.started)[-1:]


def _listens(words: list[str], port: str) -> bool:
    if not words[0].endswith("haproxy") or "-f" not in words:
        return False
    try:
        config = Path(words[words.index("-f") + 1]).read_text()
    except OSError:
        return False
    return any(line.strip().startswith("bind ") and line.endswith(port) for line in config.splitlines())


def _decoding(app: RunningApp) -> list[int]:
    """The processes that decode images, and the one that forks them."""
    return [
        pid
        for pid, words in processes.descendants(app.process.pid)
        if "imaging.decoding_processes.process" in words
    ]


VICTIMS = (
    _replica("Decoder"),
    _replica("Encoder"),
    _replica("Fetcher"),
    _replica("Ingress"),
    _replica("Journal"),
    Victim("HAProxy", haproxy),
    Victim("HAProxy's manager", _titled("ray::HAProxyManager")),
    Victim("fallback proxy", _titled("ray::ProxyActor")),
    Victim("controller", _titled("ray::ServeController")),
    Victim("decoding process", _decoding, returns=False),
)
