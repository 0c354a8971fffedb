"""The ports on which one instance listens besides the one it was asked for."""

from __future__ import annotations

import contextlib
import socket

import typer

HAPROXY_PORTS = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": 9500,
}


def refuse_taken(host: str, port: int) -> None:
    """End with a sentence when something listens there already; Ray would say it in forty lines."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            typer.secho(
                f"Cannot listen on {host}:{port}: {error.strerror}. Stop what listens there, or choose "
                "another port with PORT=9091.",
                fg="red",
                err=True,
            )
            raise SystemExit(1) from None


def free_port(wanted: int) -> int:
    """``wanted`` if nobody listens there, else any free port."""
    for port in (wanted, 0):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", port))
            return int(probe.getsockname()[1])
    return wanted
