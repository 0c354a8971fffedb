"""How the application is stopped: once, in order, whatever signals come meanwhile."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from types import FrameType

import typer

from serve_app.cli.serve import draining
from serve_app.cli.serve.apart import SIGNALS, without_terminal

STOP_S = 9.5  # from the signal to the end of everything
ANSWER_S = 5.0  # of it, for the requests that are under way


class Stopping:
    """Turns the first signal into KeyboardInterrupt and ignores those that follow."""

    def __init__(self) -> None:
        self.asked = False

    def take_signals(self) -> None:
        """From now on. To be called again after `ray.init`, which sets handlers that abort."""
        for each in SIGNALS:
            signal.signal(each, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            without_terminal()
        if not self.asked:
            self.asked = True
            raise KeyboardInterrupt


def wait_for_a_signal() -> None:
    """Until KeyboardInterrupt is raised."""
    while True:
        time.sleep(3600)


def stop(scratch: Path) -> None:
    """Close the door, wait for the requests that are under way, and stop Serve."""
    from ray import serve

    left = draining.drain(scratch, ANSWER_S)
    if left:
        typer.secho(f"{left} requests were not answered within {ANSWER_S:.0f} s.", fg="yellow", err=True)
    serve.shutdown()
