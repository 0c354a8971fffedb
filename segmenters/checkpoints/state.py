"""What lies where a published checkpoint belongs."""

from __future__ import annotations

import stat
from enum import StrEnum
from pathlib import Path


class State(StrEnum):
    """A look at the size alone: a file of the right size may still hold something else."""

    ON_DISK = "on disk"
    MISSING = "missing"
    DAMAGED = "damaged"


def state_of(path: Path, size: int) -> State:
    """The state of the file that must have ``size`` bytes. What cannot be looked at is missing."""
    try:
        found = path.stat()
    except OSError:
        return State.MISSING
    whole = stat.S_ISREG(found.st_mode) and found.st_size == size
    return State.ON_DISK if whole else State.DAMAGED
