"""The real application, as `python -m serve_app serve` starts it, on its own ports and temp dir."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from testing.canary import CANARY, WATCH

ROOT = Path(__file__).resolve().parents[1]
START_S = 180
STOP_S = 90


@dataclass(frozen=True)
class RunningApp:
    """Where the application answers, and the process that holds it."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def dashboard(self) -> str:
        """Where Ray's dashboard is, once the application is ready: another port than was asked for, maybe."""
        return self.said().partition("(logs in to ")[2].partition(")")[0]

    @property
    def ray(self) -> Path:
        """Ray's temporary folder, in the one that ``--temp-dir`` named."""
        return self.log.parent / "ray"

    @property
    def logs(self) -> Path:
        """Where Ray writes its logs."""
        return self.ray / "session_latest" / "logs"

    @property
    def dashboard_link(self) -> str:
        """What was printed for people who want to see the dashboard."""
        return self.said().partition("dashboard  ")[2].split()[0]

    @contextlib.contextmanager
    def dashboard_client(self) -> Iterator[httpx.Client]:
        """A client that is logged in to the dashboard, by the link."""
        with httpx.Client(base_url=self.dashboard, trust_env=False, timeout=START_S) as client:
            client.get(self.dashboard_link, follow_redirects=True).raise_for_status()
            yield client

    def said(self) -> str:
        """The output of the process so far."""
        return self.log.read_text(errors="replace")


# The names of the ports that this process was given, until it ends.
_TAKEN: list[int] = []


def free_port() -> int:
    """A port nobody listens on, between those of Ray's workers and those of outgoing connections.

    Whoever asks later is given another one, in whatever process of this machine, until this process ends:
    it may be seconds before somebody listens on it, and other tests look for ports meanwhile.
    """
    while True:
        port = random.randint(20000, 32000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as tried:
            name = tried.enter_context(socket.socket(socket.AF_UNIX))
            if sys.platform == "linux":  # elsewhere there are no names without files, and the risk is taken
                name.bind(f"\0testing port {port}")
            with contextlib.closing(socket.socket()) as probe:
                probe.bind(("", port))
            _TAKEN.append(name.detach())
            tried.pop_all()
            return port


def inherited() -> dict[str, str]:
    """The variables that a started process needs. Settings of the machine that runs the tests are not among
    them, but those by which it is measured (`make coverage`) are."""
    needed: tuple[str, ...] = ("PATH", "HOME", "LANG", "TMPDIR")
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        needed = (*needed, "COVERAGE_PROCESS_CONFIG", "PYTHONPATH")
    return {name: os.environ[name] for name in needed if name in os.environ}


@contextlib.contextmanager
def running_app(
    config: Path = ROOT / "configs" / "serve.yaml",
    env: Mapping[str, str] | None = None,
    haproxy: bool = False,
    ready: bool = True,
    dashboard_port: int | None = None,
) -> Iterator[RunningApp]:
    """The application, ready unless ``ready`` is false; stopped as Ctrl-C stops it.

    ``env`` holds all settings that the application sees: variables of the machine that runs the tests are not
    passed on, except those that a process needs. Defaults: ``classical`` serves, because the choice of
    ``auto`` depends on what can be downloaded. One process reads requests, because a second one takes time to
    start and does not know what the first one was asked. The Label Studio token is the canary. At the end
    everything that the application and Ray wrote is searched for secrets.
    """
    env = {"MODEL": "classical", "WORKERS": "1", "LABEL_STUDIO_API_KEY": CANARY, **(env or {})}
    with tempfile.TemporaryDirectory(prefix="ray_", dir="/tmp") as folder:
        port, dashboard_port = free_port(), dashboard_port or free_port()
        log = Path(folder) / "serve.log"
        command = [sys.executable, "-m", "serve_app", "serve", "--config", str(config), "--port", str(port)]
        command += ["--dashboard-port", str(dashboard_port), "--metrics-port", str(free_port())]
        command += ["--temp-dir", folder]
        command += ["--haproxy" if haproxy else "--no-haproxy"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**inherited(), **env},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        app = RunningApp(f"http://127.0.0.1:{port}", process, log)
        try:
            if ready:
                wait_until_ready(app)
            yield app
        finally:
            try:
                stop(process)
            finally:
                WATCH.look_in_folder(Path(folder), "the application's temporary folder")


def wait_until_ready(app: RunningApp) -> None:
    """Poll for the line that the process prints when every deployment runs."""
    deadline = time.monotonic() + START_S
    while "backend    http" not in app.said():
        if app.process.poll() is not None:
            raise AssertionError(f"the application ended with {app.process.returncode}:\n{app.said()}")
        if time.monotonic() > deadline:
            raise AssertionError(f"the application was not ready in {START_S} s:\n{app.said()}")
        time.sleep(0.2)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the process as Ctrl-C does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"the application did not stop in {STOP_S} s after Ctrl-C") from None
