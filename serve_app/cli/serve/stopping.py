"""How the application is stopped: once, in order, whatever signals come meanwhile."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import FrameType

import typer

from serve_app.cli.serve import draining
from serve_app.cli.serve.apart import SIGNALS, without_terminal

# Seconds since the signal: until what is under way is answered, until Serve and Ray have closed down by
# themselves, and until everything is killed.
ANSWERED_S, CLOSED_S, STOP_S = 5.0, 8.5, 9.5


class Stopping:
    """Turns the first signal into KeyboardInterrupt and ignores those that follow."""

    def __init__(self) -> None:
        self.asked = False
        self._since = 0.0

    def take_signals(self) -> None:
        """From now on. To be called again after `ray.init`, which sets handlers that abort."""
        for each in SIGNALS:
            signal.signal(each, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            without_terminal()
        if not self.asked:
            self.asked = True
            self._since = time.monotonic()
            raise KeyboardInterrupt

    def answer_and_close(self, scratch: Path) -> None:
        """Take no new requests, answer those that are under way, and close Serve and Ray, each in time."""
        left = draining.drain(scratch, self._remaining(ANSWERED_S))
        if left:
            said = f"{left} requests were not answered within {ANSWERED_S:.0f} s."
            typer.secho(said, fg="yellow", err=True)
        self.close()

    def close(self) -> None:
        """Let Serve and Ray close down as long as there is time for it. What is left is for others to end."""
        closing = threading.Thread(target=_close, name="close", daemon=True)
        closing.start()
        closing.join(self._remaining(CLOSED_S))

    def _remaining(self, until_s: float) -> float:
        return max(0.0, self._since + until_s - time.monotonic())


def wait_for_a_signal() -> None:
    """Until KeyboardInterrupt is raised."""
    while True:
        time.sleep(3600)


def _close() -> None:
    import ray
    from ray import serve

    serve.shutdown()
    ray.shutdown()
