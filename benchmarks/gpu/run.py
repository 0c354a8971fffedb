"""One step: a process with a time limit, whose figures are read whatever becomes of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.steps import Step
from testing.processes import descendants, started
from testing.running_app import ROOT

LEAVING_S = 10.0
"""For so long a step may put away what it started once its time is over."""

_LAST = 4000  # characters of what a step said
_LONGEST = 300  # characters of a reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """``figures``: what the step wrote, as far as it came; None for nothing. ``failure``: why it did not come
    to its end, or nothing. ``said``: the last of what it printed."""

    figures: Any
    failure: str
    seconds: float
    said: str

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {"figures": self.figures, "failure": self.failure, "seconds": round(self.seconds, 1)}


def run(step: Step, figures: Path, until: float) -> Outcome:
    """Run the step until the second ``until`` of the monotonic clock; its figures go to the file ``figures``.

    Nothing that it started is left behind.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *step.words, "--json", str(figures)],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            late = not _ended(process, until - time.monotonic())
        except BaseException:  # who runs this is ended
            _end(process)
            raise
        if late:
            _end(process)
        log.seek(0)
        said = log.read()[-_LAST:].strip()
    seconds = time.monotonic() - began
    failure = f"its time was over after {seconds:.0f} s" if late else _reason(process.returncode, said)
    return Outcome(_read(figures), failure, seconds, said)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, seconds))
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and all below it. They are listed first: those of a dead parent are nobody's children."""
    below = [(pid, started(pid)) for pid, _ in descendants(process.pid)]
    process.send_signal(signal.SIGINT)
    _ended(process, LEAVING_S)
    process.kill()
    process.wait()
    for pid, since in below:
        if since and started(pid) == since:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _reason(status: int, said: str) -> str:
    if status == 0:
        return ""
    last = said.splitlines()[-1] if said else "it said nothing"
    return f"it ended with status {status}: {last[:_LONGEST]}"


def _read(figures: Path) -> Any:
    try:
        return json.loads(figures.read_text())
    except (OSError, ValueError):  # not there, or cut short
        return None
