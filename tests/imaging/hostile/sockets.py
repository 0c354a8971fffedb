"""Sees every connection, look-up and file that this process tries, whoever tries it.

An audit hook is told by the interpreter itself, below every library, so that a way past ``net.transport``
would be seen as well. It cannot be removed again; while no watch is on it does nothing.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

_CONNECTIONS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})


class Refused(ConnectionRefusedError):
    """A connection that would have left this machine."""


@dataclass
class Watch:
    """What was tried: ``connected`` (address, port), ``looked_up`` names, names of the files ``opened``."""

    connected: list[tuple[str, int]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)

    def leaks(self, *allowed: tuple[str, int]) -> list[tuple[str, int]]:
        """The connections to anything but ``allowed``."""
        return [place for place in self.connected if place not in allowed]

    def heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        """One audit event. Raises Refused for a connection to anywhere but loopback."""
        if event in _CONNECTIONS:
            # Without an address it is sent through a connection that was seen when it was made.
            if arguments[1] is not None:
                self._connection(*_place(arguments[1]))
        elif event in _LOOK_UPS:
            self.looked_up.append(str(arguments[0]))
        elif event == "open" and isinstance(arguments[0], str | bytes):
            # Only the last part: files are opened relative to a folder's descriptor.
            name = arguments[0]
            self.opened.append(PurePath(name if isinstance(name, str) else name.decode()).name)

    def _connection(self, host: str, port: int) -> None:
        self.connected.append((host, port))
        if not _stays(host):
            raise Refused(f"{host} is not on this machine")


def _place(address: Any) -> tuple[str, int]:
    if isinstance(address, tuple):
        return str(address[0]), int(address[1])
    return str(address), 0  # a Unix socket


def _stays(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


_on: list[Watch] = []
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for watch in _on:
        watch.heard(event, arguments)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch this process until the end of the block."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    watch = Watch()
    _on.append(watch)
    try:
        yield watch
    finally:
        _on.remove(watch)
