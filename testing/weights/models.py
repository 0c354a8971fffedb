"""Models with stand-in weights, ready to be loaded."""

from __future__ import annotations

import os
from pathlib import Path

from segmenters.checkpoints.digest import sha256_of
from segmenters.checkpoints.locate import Checkpoint
from segmenters.sam.execution import Execution
from segmenters.sam.segmenter import SegmentAnything
from testing.weights import checkpoints


def stand_in(name: str, folder: Path, execution: Execution | None = None) -> SegmentAnything:
    """The model ``name``, its checkpoint written to ``folder`` unless it is there.

    Several processes may ask at once: each finds a whole file.
    """
    path = folder / f"{name}.pt"
    if not path.exists():
        checkpoints.write(name, path.with_name(f".{os.getpid()}-{path.name}")).rename(path)
    checkpoint = Checkpoint(path, sha256_of(path), None, name)
    return SegmentAnything(name, checkpoint, execution or Execution(encoder="cpu"), folder)
