"""Waits until the application is ready, then prints where everything is, or why it failed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence

import httpx
import typer

# The beginning of a line of a traceback that ends in a sentence of ours.
_OWN = ("values.errors.", "serve_app.settings.")


def reason(messages: Sequence[str]) -> str:
    """Why an application failed, from what Serve says of it and of its deployments.

    One of our own sentences if there is one, at the end of a traceback; else the last line of the first.
    """
    lines = [line.strip() for message in messages for line in message.splitlines() if line.strip()]
    own = [line.partition(": ")[2] for line in lines if line.startswith(_OWN)]
    first = messages[0].strip().splitlines() if messages else []
    return next(iter(own), first[-1] if first else "see the logs")


class Watch:
    """Waits in a thread for every application, then says where things are.

    When an application cannot be deployed, or another program listens on its ports too, it says so and
    interrupts the process. Otherwise people would wait in vain, or be answered by the other program.
    """

    def __init__(
        self,
        origin: str,
        prefixes: Sequence[str],
        locations: Mapping[str, str],
        notes: Sequence[str] = (),
        warnings: Sequence[str] = (),
    ) -> None:
        """``locations``: where the dashboard, the logs and others are, by one word each."""
        self._origin = origin
        self._prefixes = prefixes
        self._locations = locations
        self._notes = notes
        self._warnings = warnings
        self._stopped = threading.Event()
        self.failed = False

    def stop(self) -> None:
        """Stop waiting."""
        self._stopped.set()

    def run(self, wrong: Callable[[], str] = str) -> None:
        """Wait for the applications, then print where they are, unless ``wrong`` says what is wrong there."""
        from ray import serve

        while not self._stopped.wait(0.5):
            applications = serve.status().applications
            broken = {
                name: reason([app.message, *(each.message for each in app.deployments.values())])
                for name, app in applications.items()
                if "FAIL" in app.status
            }
            if broken:
                self._give_up(
                    [f"The application {name!r} cannot be served: {broken[name]}" for name in broken]
                )
                return
            if applications and all(app.status == "RUNNING" for app in applications.values()):
                problem = wrong()
                if problem:
                    self._give_up([problem])
                else:
                    self._say()
                return

    def _give_up(self, sentences: Sequence[str]) -> None:
        if "logs" in self._locations:
            typer.secho(f"{'logs':<10} {self._locations['logs']}", err=True)
        for sentence in sentences:
            typer.secho(sentence, fg="red", err=True)
        self.failed = True
        os.kill(os.getpid(), signal.SIGINT)

    def _say(self) -> None:
        served = [self._served(prefix) for prefix in self._prefixes]
        backends = ", ".join(f"{self._origin}{prefix} ({model})" for prefix, model in served)
        said = [("backend", backends), *self._locations.items(), *(("note", each) for each in self._notes)]
        typer.secho("\n".join(f"{what:<10} {where}" for what, where in said), fg="green", bold=True)
        for each in self._warnings:
            typer.secho(f"{'WARNING':<10} {each}", fg="red", bold=True, err=True)

    def _served(self, prefix: str) -> tuple[str, str]:
        """The prefix, and which model serves there and why."""
        user, password = os.environ.get("BASIC_AUTH_USER"), os.environ.get("BASIC_AUTH_PASS")
        auth = (user, password) if user and password else None
        try:
            health = httpx.get(f"{self._origin}{prefix}/health", auth=auth, timeout=5, trust_env=False).json()
            return prefix, f"{health['model_version']}: {health['reason']}"
        except (httpx.HTTPError, ValueError, KeyError):
            return prefix, "its model is said by /health"
