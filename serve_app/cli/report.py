"""What `serve` says once the application is there: three lines, or why it is not."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import typer

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


def reason(messages: Sequence[str]) -> str:
    """Why an application failed, from what Serve says of it and of its deployments.

    One of our own sentences if there is one, at the end of a traceback; else the last line of the first.
    """
    lines = [line.strip() for message in messages for line in message.splitlines() if line.strip()]
    own = [line.partition(": ")[2] for line in lines if line.startswith("values.errors.")]
    first = messages[0].strip().splitlines() if messages else []
    return next(iter(own), first[-1] if first else "see the log above")


class Watch:
    """Waits in a thread for every application of a Serve config, then says where things are.

    When an application cannot be deployed it says why and interrupts the process: nobody waits in vain.
    """

    def __init__(self, config: dict[str, Any], dashboard: str, docs: Path) -> None:
        http = config["http_options"]
        host = "127.0.0.1" if http["host"] in ANYWHERE else http["host"]
        self._prefixes = [each.get("route_prefix", "/").rstrip("/") for each in config["applications"]]
        self._origin = f"http://{host}:{http['port']}"
        self._dashboard = dashboard
        self._docs = docs
        self._stopped = threading.Event()
        self.failed = False

    def stop(self) -> None:
        """Stop waiting."""
        self._stopped.set()

    def run(self) -> None:
        """Wait for the applications, then print where they are."""
        from ray import serve

        while not self._stopped.wait(0.5):
            applications = serve.status().applications
            broken = {
                name: reason([app.message, *(each.message for each in app.deployments.values())])
                for name, app in applications.items()
                if "FAIL" in app.status
            }
            if broken:
                self._give_up(broken)
                return
            if applications and all(app.status == "RUNNING" for app in applications.values()):
                self._say()
                return

    def _give_up(self, broken: dict[str, str]) -> None:
        for name, why in broken.items():
            typer.secho(f"The application {name!r} cannot be served: {why}", fg="red", err=True)
        self.failed = True
        os.kill(os.getpid(), signal.SIGINT)

    def _say(self) -> None:
        served = [self._served(prefix) for prefix in self._prefixes]
        backends = ", ".join(f"{self._origin}{prefix} ({model})" for prefix, model in served)
        typer.secho(
            f"backend    {backends}\ndashboard  {self._dashboard}\ndocs       {self._docs}",
            fg="green",
            bold=True,
        )

    def _served(self, prefix: str) -> tuple[str, str]:
        """The prefix, and which model serves there and why."""
        user, password = os.environ.get("BASIC_AUTH_USER"), os.environ.get("BASIC_AUTH_PASS")
        auth = (user, password) if user and password else None
        try:
            health = httpx.get(f"{self._origin}{prefix}/health", auth=auth, timeout=5, trust_env=False).json()
            return prefix, f"{health['model_version']}: {health['reason']}"
        except (httpx.HTTPError, ValueError, KeyError):
            return prefix, "its model is said by /health"
