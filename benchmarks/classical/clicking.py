"""An annotator who clicks until a thing is found, and what came of each click.

The first click goes to the deepest point of the thing, each next one to the deepest point of the largest
error: positive where the thing is missed, negative where something else is taken for it. An error too thin
for a hand to hit gets no click, and where all are, the annotator stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.memory import MemoryTier
from exports.middles import deepest
from segmenters.candidates import ranked
from segmenters.refining import Logits, Refiner
from segmenters.resample import to_mask
from segmenters.segmenter import Segmenter
from testing.pointing import iou, shown, tight_box
from values.embedding import Embedding
from values.image import Pixels
from values.masks import Masks
from values.prompt import Prompt

Mask = NDArray[np.bool_]
Answer = Callable[[Prompt], Mask]

MOST = 20
"""Clicks after which an annotator gives up."""

ENOUGH = 5
"""Clicks that are made even when the thing is found, so that there is an answer after each of them."""

GOOD = (0.85, 0.90)
"""The IoU that an annotator wants."""

_HITTABLE = 2.5  # pixels from the border of an error to its deepest point
_OF_SMALL = 0.5  # or that part of the depth of the thing itself
_ROOM = 2**28  # bytes of earlier answers that are kept


class Click(NamedTuple):
    """``x``, ``y``: column and row of a pixel. ``label``: 1 for the thing, 0 for what is not."""

    x: int
    y: int
    label: int


@dataclass(frozen=True, slots=True)
class Session:
    """What became of a thing.

    ``ious``: after 1, 2, ... clicks. ``box``: the IoU of its tight box alone. ``scores``: the segmenter's own
    estimates, first those of the clicks and then the box's. ``decodes``: milliseconds, likewise. ``encode``:
    milliseconds. Times are by the viewer's clock.
    """

    ious: list[float]
    box: float
    scores: list[float]
    decodes: list[float]
    encode: float

    def after(self, clicks: int) -> float:
        """The IoU; of an annotator who has stopped, that of the last answer."""
        return self.ious[min(clicks, len(self.ious)) - 1]

    def clicks_to(self, wanted: float) -> int:
        """Clicks until the IoU was first ``wanted``; MOST where it never was."""
        return next((count for count, found in enumerate(self.ious, 1) if found >= wanted), MOST)

    def steps(self) -> list[float]:
        """How much each click after the first raised the IoU; negative where it lowered it."""
        return [later - earlier for earlier, later in zip(self.ious, self.ious[1:], strict=False)]


class Viewer:
    """Both halves of a segmenter in this process, on ``threads`` cores.

    ``clock``: seconds, which all times are measured by: of CPUs, or of the wall's clock.
    """

    def __init__(
        self, segmenter: Segmenter, threads: int = 1, clock: Callable[[], float] = time.process_time
    ) -> None:
        self._segmenter = segmenter
        self._encoder = segmenter.load_encoder(threads)
        self._decoder = segmenter.load_decoder(threads)
        self.clock = clock

    def view(self, pixels: Pixels) -> View:
        """A picture, encoded."""
        start = self.clock()
        [embedding] = self._encoder.encode([pixels])
        return View(self, embedding, 1e3 * (self.clock() - start))

    def answering(self) -> Callable[[Embedding, Prompt], Masks]:
        """How a decoder replica answers about one thing, with its earlier answers where they are refined."""
        if not self._segmenter.refines:
            return self._decoder.decode
        refiner = Refiner(self._decoder, MemoryTier[Logits](_ROOM))
        return lambda embedding, prompt: refiner.decode("", embedding, prompt)


class View(NamedTuple):
    """A picture as a segmenter has it. ``encode``: milliseconds that it took."""

    viewer: Viewer
    embedding: Embedding
    encode: float


def annotator_of(segmenter: Segmenter, rgb: NDArray[np.uint8], truth: Mask) -> Annotator:
    """An annotator in front of one picture. ``truth``: the thing."""
    return Annotator(Viewer(segmenter).view(shown(segmenter, rgb)), truth)


class Annotator:
    """One who knows the thing in one picture and asks a segmenter for it, as a decoder replica answers."""

    def __init__(self, view: View, truth: Mask) -> None:
        self._truth = truth
        self._view = view
        self._decode = view.viewer.answering()
        self._scores: list[float] = []
        self._decodes: list[float] = []
        self.clicks: list[Click] = []
        self.masks: list[Mask] = []

    def session(self) -> Session:
        """All clicks, and then the box. Called once."""
        ious: list[float] = []
        while len(ious) < MOST and not (len(ious) >= ENOUGH and max(ious) >= max(GOOD)):
            if not self.click():
                break
            ious.append(iou(self.masks[-1], self._truth))
        box = iou(self.box(), self._truth)
        return Session(ious, box, self._scores, self._decodes, self._view.encode)

    def click(self) -> bool:
        """Make the next click; False where there is nothing left to click on."""
        found = self.masks[-1] if self.masks else np.zeros_like(self._truth)
        click = next_click(self._truth, found)
        if click is None:
            return False
        self.clicks.append(click)
        self.masks.append(self._answer(self.clicks))
        return True

    def box(self) -> Mask:
        """What the tight box alone finds."""
        return self._answer([], tight_box(self._truth))

    def _answer(self, clicks: list[Click], box: NDArray[np.float32] | None = None) -> Mask:
        height, width = self._truth.shape
        points = [(click.x + 0.5, click.y + 0.5) for click in clicks]
        prompt = Prompt.in_pixels((width, height), points, [click.label for click in clicks], box)
        clock = self._view.viewer.clock
        start = clock()
        masks = self._decode(self._view.embedding, prompt)
        self._decodes.append(1e3 * (clock() - start))
        logits, score = ranked(masks)[0]
        self._scores.append(score)
        return to_mask(logits, masks.frame, width, height)


def next_click(truth: Mask, found: Mask) -> Click | None:
    """Where an annotator clicks who sees ``found`` and wants ``truth``; None where no error can be hit."""
    if not found.any():
        return Click(*deepest(truth)[1], 1)
    reach = min(_HITTABLE, _OF_SMALL * deepest(truth)[0])
    parts = [(label, _largest(error, reach)) for label, error in ((1, truth & ~found), (0, found & ~truth))]
    errors = [(np.count_nonzero(part), label, part) for label, part in parts if part is not None]
    if not errors:
        return None
    _, label, part = max(errors, key=lambda error: error[:2])
    return Click(*deepest(part)[1], label)


def _largest(error: Mask, reach: float) -> Mask | None:
    """The largest connected part that is at least ``reach`` pixels deep somewhere."""
    inside = np.pad(error, 1).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    _, parts, stats, _ = cv2.connectedComponentsWithStats(error.astype(np.uint8), connectivity=4)
    numbers = np.unique(parts[(depth >= reach) & error])
    if not len(numbers):
        return None
    return np.asarray(parts == numbers[np.argmax(stats[numbers, cv2.CC_STAT_AREA])])
