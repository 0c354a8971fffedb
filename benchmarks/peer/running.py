"""The peer as its own container starts it: gunicorn, one worker, eight threads."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.peer.install import packages
from testing.running_app import ROOT, free_port

THREADS = 8

_START_S = 180
_STOP_S = 20


@dataclass(frozen=True, slots=True)
class RunningPeer:
    """Where it answers, gunicorn's process, and the folder that it writes to."""

    url: str
    process: subprocess.Popen[bytes]
    folder: Path

    def said(self) -> str:
        """Its output so far."""
        return (self.folder / "peer.log").read_text(errors="replace")


@contextlib.contextmanager
def running_peer(model: str, checkpoint: Path) -> Iterator[RunningPeer]:
    """The peer, ready, with an empty folder for its cache. Raises RuntimeError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
        command += ["--threads", str(THREADS), "--timeout", "0", "benchmarks.peer.example:app"]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        places = {
            "HOME": folder,
            "MODEL_DIR": folder,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(packages())]),
        }
        settings = {"PEER_MODEL": model, "PEER_CHECKPOINT": str(checkpoint.absolute())}
        with (Path(folder) / "peer.log").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**kept, **places, **settings},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        peer = RunningPeer(f"http://127.0.0.1:{port}", process, Path(folder))
        try:
            _wait_until_ready(peer)
            yield peer
        finally:
            _stop(process)


def _wait_until_ready(peer: RunningPeer) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(f"{peer.url}/health", timeout=10, trust_env=False).raise_for_status()
            return
        if peer.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the peer does not start:\n{peer.said()[-3000:]}")
        time.sleep(0.2)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
