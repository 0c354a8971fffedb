"""How the application is stopped: once and in order, whatever signals come meanwhile.

No new requests come in, those under way are answered, and then Serve and Ray close down.
"""

from __future__ import annotations

import contextlib
import csv
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import typer

from serve_app.cli.serve.supervisor import SIGNALS, without_terminal

# Seconds since the signal: until what is under way is answered, until Serve and Ray have closed down by
# themselves, and until everything is killed.
ANSWERED_S, CLOSED_S, STOP_S = 5.0, 8.5, 9.5

FRONTEND = "http_frontend"  # as Serve names it in HAProxy's configuration
_LOOK_S = 0.05
_QUIET = 5  # checks in a row that find nothing: a request that has just come in may not be counted yet
_ASK_S = 2.0


class Shutdown:
    """Turns the first signal into KeyboardInterrupt and ignores those that follow."""

    def __init__(self) -> None:
        self.asked = False
        self._since = 0.0

    def take_signals(self) -> None:
        """Take the signals. Call it again after `ray.init`, which sets handlers that abort."""
        for each in SIGNALS:
            signal.signal(each, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            without_terminal()
        if not self.asked:
            self.asked = True
            self._since = time.monotonic()
            raise KeyboardInterrupt

    def answer_and_close(self, scratch: Path) -> None:
        """Take no new requests, answer those that are under way, and close Serve and Ray, each in time."""
        left = drain(scratch, self._remaining(ANSWERED_S))
        if left:
            said = f"{left} requests were not answered within {ANSWERED_S:.0f} s."
            typer.secho(said, fg="yellow", err=True)
        self.close()

    def close(self) -> None:
        """Close Serve and Ray for as long as there is time. The supervisor kills what is left."""
        closing = threading.Thread(target=_close, name="close", daemon=True)
        closing.start()
        closing.join(self._remaining(CLOSED_S))

    def _remaining(self, until_s: float) -> float:
        return max(0.0, self._since + until_s - time.monotonic())


def wait_for_a_signal() -> None:
    """Until KeyboardInterrupt is raised."""
    while True:
        time.sleep(3600)


def _close() -> None:
    import ray
    from ray import serve

    serve.shutdown()
    ray.shutdown()


def drain(scratch: Path, within_s: float) -> int:
    """Wait until no request is under way, at most ``within_s`` seconds; how many are left then.

    HAProxy, whose admin socket is somewhere below ``scratch``, is told to take no new connections. A proxy of
    Serve's own cannot be told to: it only says whether anything is under way, and then counts as one request.
    """
    admins = [Admin(path) for path in scratch.glob("*/admin.sock")]
    if not admins:
        return _wait(_proxies_that_work(), within_s)
    for admin in admins:
        admin.refuse_connections()
    return _wait(lambda: sum(admin.under_way() for admin in admins), within_s)


class Admin:
    """HAProxy's admin socket. A HAProxy that has died is no error: it has nothing under way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def refuse_connections(self) -> None:
        """Refuse new connections. What is open stays open."""
        self._ask(f"disable frontend {FRONTEND}")

    def under_way(self) -> int:
        """The requests that are with a replica or wait for one."""
        rows = csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines())
        backends = (row for row in rows if row.get("svname") == "BACKEND")
        return sum(int(row.get("scur") or 0) + int(row.get("qcur") or 0) for row in backends)

    def _ask(self, command: str) -> str:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(_ASK_S)
            asking.connect(str(self._path))
            asking.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: asking.recv(2**16), b"")).decode(errors="replace")
        return ""


def _wait(under_way: Callable[[], int], within_s: float) -> int:
    """Wait until checks in a row find nothing under way, or the time is up; what is under way then."""
    deadline = time.monotonic() + within_s
    quiet = 0
    while True:
        count = under_way()
        quiet = 0 if count else quiet + 1
        if quiet == _QUIET or time.monotonic() > deadline:
            return count
        time.sleep(_LOOK_S)


def _proxies_that_work() -> Callable[[], int]:
    """Counts Serve's proxies that have something under way."""
    import ray
    from ray.exceptions import RayError

    named = ray.util.list_named_actors(all_namespaces=True)
    names = [each["name"] for each in named if "SERVE_PROXY_ACTOR" in each["name"]]
    proxies = [ray.get_actor(name, namespace="serve") for name in names]
    with contextlib.suppress(RayError):
        ray.get([each.update_draining.remote(True) for each in proxies], timeout=_ASK_S)

    def count() -> int:
        try:
            drained: list[bool] = ray.get([each.is_drained.remote() for each in proxies], timeout=_ASK_S)
            return drained.count(False)
        except RayError:
            return 0

    return count
