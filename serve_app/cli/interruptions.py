"""Long work of a command that ends early: by Ctrl-C, or because of what it cannot go on without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from values.errors import ServiceError


class Interruptible(Protocol):
    """What a command reports. ``stopped``: why it ended early; ``interrupted``: by Ctrl-C."""

    stopped: str | None
    interrupted: bool


@contextmanager
def noted(report: Interruptible) -> Iterator[None]:
    """Ctrl-C and a ServiceError end the block, and ``report`` says so."""
    try:
        yield
    except KeyboardInterrupt:
        report.interrupted = True
    except ServiceError as error:
        report.stopped = str(error)
