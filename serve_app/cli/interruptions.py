"""Long work of a command that ends early: by Ctrl-C or SIGTERM, or by what it cannot go on without."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from values.errors import ServiceError


class Interruptible(Protocol):
    """What a command reports. ``stopped``: why it ended early; ``interrupted``: by Ctrl-C or SIGTERM."""

    stopped: str | None
    interrupted: bool


def exit_status(report: Interruptible, *, failed: bool = False) -> int:
    """0; 1 where the work ended early or something ``failed``; 130 after Ctrl-C or SIGTERM."""
    if report.interrupted:
        return 130
    return int(failed or report.stopped is not None)


@contextmanager
def noted(report: Interruptible) -> Iterator[None]:
    """Ctrl-C, SIGTERM and a ServiceError end the block, and ``report`` says so."""
    try:
        with _terminated_by_interrupt():
            yield
    except KeyboardInterrupt:
        report.interrupted = True
    except ServiceError as error:
        report.stopped = str(error)


@contextmanager
def _terminated_by_interrupt() -> Iterator[None]:
    """Inside of it SIGTERM is the same as Ctrl-C. Signals are the main thread's alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
