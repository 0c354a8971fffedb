"""The application of a command that finds none: `serve` in another process, for as long as the command runs.

Run as a module it is that other process, which stops when its standard input ends: with the command, however
that ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import typer

from label_studio.ml_backends import Backend
from net.sync_client import NoAnswer, SyncClient
from serve_app.cli.common_options import CommandError

SERVE = (sys.executable, "-m", "serve_app.cli.own_application")

ASK_S = 5.0
STOP_S = 30.0
"""Until what is killed is gone; `serve` itself ends within 10 s."""

_READY = "backend "
"""How the line begins by which `serve` says that it is ready."""


@contextmanager
def application_at(
    backend: Backend, variables: Mapping[str, str] | None, serve: Sequence[str] = SERVE
) -> Iterator[None]:
    """See to it that something answers at ``backend``: where nothing does, `serve` with these ``variables``
    besides the command's own, until the block ends.

    ``variables``: see ``variables_for``; None where nothing is to be started. Raises ``CommandError`` where
    `serve` does not start; what it says of that is on stderr.
    """
    if variables is None or _answers(backend.url):
        yield
        return
    typer.secho(f"nothing answers at {backend.url}: starting the application for this command", err=True)
    with subprocess.Popen(
        serve,
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is the command's, which has tasks in work
    ) as process:
        try:
            _wait_until_ready(process)
            yield
        finally:
            _stop(process)


def variables_for(
    backend: str, label_studio_url: str, token: str, user: str, password: str
) -> dict[str, str] | None:
    """What a command was told, as the variables by which `serve` is told the same; the empty are left out.

    ``backend``: the address that was named; None if it was, for that is where another application runs.
    """
    if backend.strip():
        return None
    given = {
        "LABEL_STUDIO_URL": label_studio_url.strip(),
        "LABEL_STUDIO_API_KEY": token.strip(),
        "BASIC_AUTH_USER": user,
        "BASIC_AUTH_PASS": password,
    }
    return {name: value for name, value in given.items() if value}


def _answers(url: str) -> bool:
    client = SyncClient(url, ASK_S)
    try:
        client.send("GET", "/health", {})
    except NoAnswer as error:
        return error.late or error.kind != "ConnectError"
    finally:
        client.close()
    return True


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    for line in process.stdout or ():
        if line.startswith(_READY):
            # What is said later must not fill the pipe.
            threading.Thread(target=_drain, args=(process,), name="what serve says", daemon=True).start()
            return
    raise CommandError("the application did not start; start it with `python -m serve_app serve` to see why")


def _drain(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ValueError):  # the pipe was closed meanwhile
        for _ in process.stdout or ():
            pass


def _stop(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _follow_stdin() -> None:
    """End this process, as SIGTERM does, when its standard input ends."""
    with contextlib.suppress(OSError):  # as if it had ended
        while os.read(0, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """`serve`, for as long as whoever started it lives."""
    from serve_app.cli.main import app

    threading.Thread(target=_follow_stdin, name="command watch", daemon=True).start()
    app(["serve"], prog_name="serve_app")


if __name__ == "__main__":
    main()
