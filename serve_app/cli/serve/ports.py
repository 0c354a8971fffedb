"""The ports of one instance: each is held from the moment it is chosen, so that nobody else takes it.

A port is held by a socket that is bound and does not listen. What Ray starts may listen there as well, and
nobody who looks for a free port is given it. Two instances could bind such a socket to the same port, so the
choice is guarded by a name that only one process can have at a time.
"""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from serve_app.cli.serve.address import family, joined, overlap

HAPROXY_PORTS = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": 9500,
}
HIGHEST = 65535
_TRIED = 200  # ports behind the wanted one


class PortTaken(Exception):
    """Somebody else has the port; the text is a sentence without a remedy."""


class Ports:
    """The ports that this process holds until it is left, or ends."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def hold(self, address: str, port: int) -> int:
        """Hold exactly ``port`` on the IP ``address``. Raises PortTaken."""
        with contextlib.ExitStack() as tried:
            try:
                tried.enter_context(_named(port))
                bound = tried.enter_context(_bound(address, port))
            except OSError as error:
                raise PortTaken(f"Cannot listen on {joined(address, port)}: {error.strerror}.") from None
            chosen = int(bound.getsockname()[1])
            if sys.platform != "linux":
                # Elsewhere nothing else can listen: the time until Ray does is a risk that is taken.
                bound.close()
            self._held.enter_context(tried.pop_all())
        return chosen

    def hold_near(self, address: str, wanted: int) -> int:
        """Hold ``wanted`` on the IP ``address``, or the next one above it that is free. Raises PortTaken."""
        for port in range(wanted, min(wanted + _TRIED, HIGHEST + 1)):
            with contextlib.suppress(PortTaken):
                return self.hold(address, port)
        raise PortTaken(f"No port of {_TRIED} from {wanted} on is free on {address}.")


@dataclass(frozen=True, slots=True)
class Listener:
    """A process that listens on ``address``; ``pid`` is None where the system does not say whose it is."""

    address: str
    pid: int | None

    @property
    def described(self) -> str:
        """Its name and process id, for an operator."""
        if self.pid is None:
            return "a process of another user"
        psutil = _psutil()
        try:
            return f"{psutil.Process(self.pid).name()} (process {self.pid})"
        except psutil.Error:
            return f"process {self.pid}"


def listeners(address: str, port: int) -> list[Listener]:
    """Who takes connections to ``port`` of the IP ``address``; empty where only root may know (macOS)."""
    psutil = _psutil()
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return []
    return [
        Listener(each.laddr.ip, each.pid)
        for each in connections
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port and overlap(each.laddr.ip, address)
    ]


def _named(port: int) -> socket.socket:
    """The name that only one process of this machine's network can have at a time. Raises OSError."""
    guard = socket.socket(socket.AF_UNIX)
    if sys.platform == "linux":
        try:
            guard.bind(f"\0serve_app port {port}")
        except OSError:
            guard.close()
            raise
    return guard


def _bound(address: str, port: int) -> socket.socket:
    """A socket on ``port`` that leaves room for one that listens. Raises OSError when one does already."""
    bound = socket.socket(family(address), socket.SOCK_STREAM)
    try:
        # Connections of an earlier instance that have not quite ended do not matter.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Not SO_REUSEPORT, with which it would be one more on a port where Serve's own proxy listens already.
        bound.bind((address, port))
    except OSError:
        bound.close()
        raise
    return bound


def _psutil() -> Any:
    importlib.import_module("ray")  # which brings psutil
    return importlib.import_module("psutil")
