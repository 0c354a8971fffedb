"""The stop of the application while clicks are in flight."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from testing import processes
from testing.annotating.annotators import TIMEOUT_S, clicked, client
from testing.annotating.questions import Questions
from testing.annotating.victims import haproxy
from testing.running_app import RunningApp

CLICKS = 8
STOP_S = 10.0
"""Seconds that the application may take to stop."""

# A click is in flight when it was sent a moment ago.
_SENT_S = 0.1
# Processes that end with the application may take a moment to disappear.
_GONE_S = 0.5


@dataclass(frozen=True, slots=True)
class Stopped:
    """``lost``: clicks that were in flight and got no answer. ``seconds``: from SIGTERM to the end. ``left``:
    processes that still run after it."""

    clicks: int
    lost: list[str]
    seconds: float
    left: int

    @property
    def kept(self) -> bool:
        """Whether all clicks were answered, in time, and nothing is left."""
        return not self.lost and not self.left and self.seconds <= STOP_S


def stop(app: RunningApp, questions: Questions) -> Stopped:
    """Click, send SIGTERM to the application, wait for both. Raises RuntimeError if it does not stop."""
    questions.cold_every = 2  # the half on new images takes longer
    started = threading.Semaphore(0)

    def click(_: int) -> str:
        with client(app.url, TIMEOUT_S) as http:
            started.release()
            return clicked(http, questions).outcome

    there = {*(pid for pid, _ in processes.descendants(app.process.pid)), *haproxy(app)}
    with ThreadPoolExecutor(CLICKS) as threads:
        clicks = [threads.submit(click, number) for number in range(CLICKS)]
        for _ in clicks:
            started.acquire()
        time.sleep(_SENT_S)
        told = time.monotonic()
        app.process.send_signal(signal.SIGTERM)
        try:
            app.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"the application did not stop in {TIMEOUT_S:g} s after SIGTERM") from None
        seconds = time.monotonic() - told
        outcomes = [each.result() for each in clicks]
    time.sleep(_GONE_S)
    left = there & {pid for pid, _ in processes.everything()}
    return Stopped(CLICKS, [each for each in outcomes if each != "right"], seconds, len(left))
