"""Asks for each thing, in one process or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.classical.clicking import Mask, Session, annotator_of
from benchmarks.classical.drawing import draw
from benchmarks.classical.processes import results
from benchmarks.classical.things import Thing, show
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from segmenters.registry import choose


@dataclass(frozen=True, slots=True)
class Row:
    """One thing. ``share``: its long side as a part of the picture's, 0..1."""

    thing: Thing
    name: str
    share: float
    session: Session


def rows(asked: Sequence[Thing], jobs: int, folder: Path | None) -> Iterator[Row]:
    """One for each thing, in order, as it is done; ``folder`` gets a drawing of each."""
    return results(partial(measured, folder=folder), asked, jobs)


def measured(thing: Thing, folder: Path | None = None) -> Row:
    """Ask for one thing, with one core."""
    cv2.setNumThreads(1)
    name, rgb, truth = show(thing)
    annotator = annotator_of(choose(ModelOptions(model=CLASSICAL)).segmenter, rgb, truth)
    session = annotator.session()
    if folder is not None:
        file = f"{thing.chosen} {thing.kind if thing.photographed else ''} {name}.png"
        draw(folder / " ".join(file.replace(":", "").split()), rgb, truth, annotator.clicks, annotator.masks)
    return Row(thing, name, side(truth) / max(truth.shape), session)


def side(mask: Mask) -> int:
    """Pixels along the long side of the upright box around a mask."""
    return max(int(np.ptp(np.flatnonzero(mask.any(axis=axis)))) + 1 for axis in (0, 1))
