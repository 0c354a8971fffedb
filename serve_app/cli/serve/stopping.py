"""How the application is stopped: every signal as Ctrl-C."""

from __future__ import annotations

import os
import signal
from types import FrameType


def stop_cleanly_on_every_signal() -> None:
    """Make SIGINT, SIGTERM and SIGHUP what Ctrl-C is. After `ray.init`, which sets handlers that abort."""
    # A shell that starts a command in the background lets it ignore SIGINT, and Python then leaves it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, _without_terminal)


def _without_terminal(number: int, frame: FrameType | None) -> None:
    """The terminal is gone: stop as on Ctrl-C, else HAProxy stays behind. Nobody is left to print for."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    signal.default_int_handler(number, frame)
