"""Reads the tensors of a training checkpoint and leaves out the Python objects that lie beside them.

Trainers keep their options, data sets and schedulers in the same pickle as the weights. Nothing of that is
needed here, and making such objects could run any code. torch's reader for ``weights_only`` makes none: it
takes a class or a function only by a name that it was told of, and for each foreign name in the file it is
told of a class that does nothing.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

# torch keeps the names that it was told of for the whole process.
_TELLING = threading.Lock()


class LeftOut:
    """In place of an object: takes whatever the object was made with, and keeps nothing of it."""

    def __new__(cls, *_arguments: Any) -> Self:
        """The same for any arguments."""
        return super().__new__(cls)

    def __init__(self, *_arguments: Any) -> None:
        """Nothing, whatever the arguments are."""

    def __setstate__(self, _state: Any) -> None:
        """Nothing of the state is kept."""


def load(path: Path) -> object:
    """What a zipped file of ``torch.save`` holds, with a ``LeftOut`` for each object that is no tensor.

    Raises ``pickle.UnpicklingError`` for what torch refuses all the same: instructions that its reader does
    not have, and names in modules that it never takes anything from.
    """
    with _TELLING:
        foreign = get_unsafe_globals_in_checkpoint(str(path))
        with safe_globals([(LeftOut, name) for name in foreign]):
            return torch.load(path, map_location="cpu", mmap=True, weights_only=True)
