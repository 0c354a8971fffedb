"""One file of weights, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One file of weights: where it lies, what it must be, where it comes from.

    Small and picklable: it travels to every replica. ``path``: absolute. ``sha256``: lower case hex. ``url``:
    where the file is downloaded from when it is missing, or None:
    never; it may hold a token and is not shown by ``repr``. ``label``: the model's name, for sentences.
    """

    path: Path
    sha256: str
    url: str | None = field(default=None, repr=False)
    label: str = ""
