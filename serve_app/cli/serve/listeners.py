"""Who listens on a port of this machine."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from serve_app.cli.serve.address import overlap


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
    """Who takes connections to ``port`` of the IP ``address``; nobody where only root may know (macOS)."""
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


def _psutil() -> Any:
    importlib.import_module("ray")  # which brings psutil
    return importlib.import_module("psutil")
