"""The process that runs Ray and the application, in a session of its own, from start to stop.

``python -m serve_app.cli.serve.ray_process FOLDER``, with what ``Instance`` holds in a file of that folder.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

import typer

from serve_app import ROOT
from serve_app.cli.serve import supervisor
from serve_app.cli.serve.dashboard_link import DashboardLink, ray_token
from serve_app.cli.serve.endpoints import LOOPBACK
from serve_app.cli.serve.instance import CONFIG, Instance
from serve_app.cli.serve.ports import listeners
from serve_app.cli.serve.readiness import Watch
from serve_app.cli.serve.screen import Screen
from serve_app.cli.serve.shutdown import STOP_S, Shutdown, wait_for_a_signal
from serve_app.cli.serve.supervisor import Session


def run(folder: Path, instance: Instance) -> int:
    """Start everything, wait for a signal, stop everything; the exit status."""
    import ray
    from ray.serve import scripts  # here, before a second thread imports it

    shutdown = Shutdown()
    shutdown.take_signals()
    if not _config_is_right(Path(instance.config)):
        return 1
    screen = Screen(everything=os.environ.get("LOG_LEVEL", "").upper() == "DEBUG")
    screen.install()
    watch = deployed = None
    try:
        typer.echo("starting   Ray and the application, which takes some 20 seconds", err=True)
        context = _ray(instance, screen)
        if context is None:
            return 1
        shutdown.take_signals()
        watch = Watch(
            instance.origin,
            instance.prefixes,
            _locations(instance, context),
            instance.notes,
            instance.warnings,
        )
        threading.Thread(
            target=watch.run,
            args=(lambda: port_conflict(instance, Session.own()),),
            name="watch",
            daemon=True,
        ).start()
        with screen.quiet():
            deployed = _deploy(scripts.run, folder / CONFIG)
        if deployed:
            wait_for_a_signal()
    except KeyboardInterrupt:
        pass
    screen.stop()
    failed = False
    if watch:
        watch.stop()
        failed = watch.failed
    if deployed and not failed:
        shutdown.answer_and_close(folder)
    else:
        ray.shutdown()
    return 0 if shutdown.asked and not failed else 1


def _ray(instance: Instance, screen: Screen) -> Any:
    """What ``ray.init`` returns; None where Ray does not start, which is said."""
    import ray

    try:
        return ray.init(
            address="local",  # not a cluster that happens to run here too
            namespace="serve",
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            dashboard_port=instance.dashboard_port,
            _metrics_export_port=instance.metrics_port,
            _temp_dir=instance.ray_folder,
            logging_level=logging.INFO if screen.everything else logging.WARNING,
        )
    except Exception as error:  # Ray raises plain ones
        said = str(error).strip().splitlines() or [type(error).__name__]
        typer.secho(
            f"Ray does not start: {said[0][:300].rstrip('.')}. On a machine that is busy with other work, "
            f"start again when it is not; what Ray logged is in {instance.ray_folder}/session_latest/logs.",
            fg="red",
            err=True,
        )
        return None


def _config_is_right(config: Path) -> bool:
    """Whether Ray reads every key of the config as it is meant; it passes over a misspelt one in silence.

    Says what is wrong, and of what is served all the same, that it might be served better. The rules are
    Ray's own models, which cost this process a second to import.
    """
    from serve_app.lint.yaml_files import lint_file

    problems = lint_file(config)
    for each in problems:
        typer.secho(f"{each}.", fg="yellow" if each.serves else "red", err=True)
    return all(each.serves for each in problems)


def _locations(instance: Instance, context: Any) -> dict[str, str]:
    """Where things are, as ``ray.init`` has said in ``context``."""
    dashboard = f"http://{context.dashboard_url}"
    token = ray_token(os.environ)
    if token:
        link = DashboardLink(dashboard, instance.link_port, token)
        link.start()
        dashboard = f"{link.url}  (logs in to {dashboard})"
    logs = Path(context.address_info["session_dir"]) / "logs"
    return {
        "dashboard": dashboard,
        "metrics": f"http://{LOOPBACK}:{instance.metrics_port}/metrics",
        "logs": str(logs),
        "docs": str(ROOT / "docs"),
    }


def port_conflict(instance: Instance, session: Session) -> str:
    """A sentence about a port of the instance on which another process listens too; empty without one.

    The listeners are read before the members of the session and after them: HAProxy replaces its processes
    when replicas come, and one that has ended in between is no stranger.
    """
    for what, address, port in instance.ports:
        before = listeners(address, port)
        members = session.members()
        strangers = [each for each in before if each.pid not in members]
        still = listeners(address, port) if strangers else []
        other = next((each for each in strangers if each in still), None)
        if other:
            return f"{other.described} listens on port {port} too, {what}. End it, and start again."
    return ""


def _deploy(serve_run: Any, config: Path) -> bool:
    """Deploy the config; whether Serve took it. If not, Serve has said why and has shut down."""
    try:
        serve_run.main(args=[str(config), "--app-dir", str(ROOT), "--non-blocking"], standalone_mode=False)
    except SystemExit:
        return False
    return True


def main(folder: Path) -> NoReturn:
    """Run the instance and end, past Python's own exit: there Ray waits for what is killed here."""
    supervisor.stop_with_supervisor(STOP_S)
    status = 1
    try:
        status = run(folder, Instance.read(folder))
    except Exception:
        traceback.print_exc()
    # The supervisor does both as well, if it is alive.
    shutil.rmtree(folder, ignore_errors=True)
    Session.own().end(spare=os.getpid())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
