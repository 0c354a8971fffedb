"""Clicks on every chosen thing with one model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.classical.clicking import GOOD, Annotator, Session, Viewer
from benchmarks.dataset.things import Picture
from segmenters.segmenter import Segmenter

COUNTS = (1, 3, 5)


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one thing. ``picture``: its number, from 0."""

    picture: int
    thing: str
    session: Session


Figure = Callable[[Session], float]


def _after(clicks: int, session: Session) -> float:
    return session.after(clicks)


def _box(session: Session) -> float:
    return session.box


def _clicks_to(iou: float, session: Session) -> float:
    return session.clicks_to(iou)


FIGURES: dict[str, Figure] = {
    **{f"{count} {'click' if count == 1 else 'clicks'}": partial(_after, count) for count in COUNTS},
    "box": _box,
    **{f"clicks to {iou:.2f}": partial(_clicks_to, iou) for iou in GOOD},
}
"""What is told of a thing: IoUs, of which more are better, and clicks, of which fewer are."""

IOUS = len(COUNTS) + 1
"""How many of FIGURES are IoUs; they come first."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's rows, in the order of the things. ``name``, ``version``: of the model."""

    name: str
    version: str
    rows: Sequence[Row]

    def figures(self) -> dict[str, list[float]]:
        """By FIGURES, one of each thing."""
        return {name: [figure(row.session) for row in self.rows] for name, figure in FIGURES.items()}

    def milliseconds(self) -> dict[str, float]:
        """Medians and 95th percentiles of an image's encoding and a click's decoding."""
        encodes = list({row.picture: row.session.encode for row in self.rows}.values())
        decodes = [each for row in self.rows for each in row.session.decodes]
        return {
            f"{what} p{percent}": float(np.percentile(times, percent))
            for what, times in (("click", decodes), ("image", encodes))
            for percent in (50, 95)
        }


def rows(segmenter: Segmenter, pictures: Sequence[Picture], threads: int) -> Iterator[Row]:
    """One for each thing as it is done; an image is encoded once. Raises ModelError, ImageError, OSError."""
    viewer = Viewer(segmenter, threads, time.perf_counter)
    for number, picture in enumerate(pictures):
        view = viewer.view(picture.pixels(segmenter.input))
        for thing in picture.things:
            yield Row(number, thing.name, Annotator(view, thing.truth.mask()).session())
