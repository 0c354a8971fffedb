"""A simulated annotator who knows where a thing is, points at it, and measures how near an answer comes.

Each object is asked for with one click, with three clicks, with its box, and with its box and two clicks. The
first click goes to the deepest point of the object, each next one to the deepest point of the segmenter's
error. Errors too thin for a hand to hit get no click.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from exports.middles import deepest
from segmenters.candidates import ranked
from segmenters.resample import to_mask
from segmenters.segmenter import Segmenter
from testing.scenes import scene
from values.image import Pixels
from values.prompt import Prompt

KINDS = ("1 click", "3 clicks", "box", "box + 2 clicks")
SIZES = ((640, 427), (960, 640), (400, 600))

_HITTABLE = 2.5  # pixels from the border of an error to its deepest point

Mask = NDArray[np.bool_]
Example = tuple[str, NDArray[np.uint8], Mask]


class Result(NamedTuple):
    """``ious`` and ``scores``: per kind of prompt. ``encode``, ``decode``: CPU seconds, mean per call."""

    name: str
    ious: tuple[float, ...]
    scores: tuple[float, ...]
    encode: float
    decode: float


class Annotator:
    """An annotator who knows the true mask in one image, points at it, and measures the time of each
    answer."""

    def __init__(self, segmenter: Segmenter, rgb: NDArray[np.uint8], truth: Mask) -> None:
        self._truth = truth
        self._decoder = segmenter.load_decoder(1)
        encoder = segmenter.load_encoder(1)
        pixels = shown(segmenter, rgb)
        start = time.thread_time()
        (self._embedding,) = encoder.encode([pixels])
        self.encode = time.thread_time() - start
        self.decodes: list[float] = []

    def ask(self, clicks: int, box: NDArray[np.float32] | None) -> tuple[float, float]:
        """(IoU, score) after this many clicks, with or without a box."""
        points: list[tuple[int, int]] = []
        labels: list[int] = []
        mask = np.zeros_like(self._truth)
        score = 0.0
        if box is not None:
            mask, score = self._answer(points, labels, box)
        for _ in range(clicks):
            depth, point = deepest(self._truth & ~mask)
            excess, outside = deepest(mask & ~self._truth)
            if max(depth, excess) < _HITTABLE:
                break
            points.append(point if depth >= excess else outside)
            labels.append(int(depth >= excess))
            mask, score = self._answer(points, labels, box)
        return iou(mask, self._truth), score

    def _answer(
        self, points: list[tuple[int, int]], labels: list[int], box: NDArray[np.float32] | None
    ) -> tuple[Mask, float]:
        height, width = self._truth.shape
        prompt = Prompt.in_pixels((width, height), points, labels, box)
        start = time.thread_time()
        masks = self._decoder.decode(self._embedding, prompt)
        self.decodes.append(time.thread_time() - start)
        logits, score = ranked(masks)[0]
        return to_mask(logits, masks.frame, width, height), score


def shown(segmenter: Segmenter, rgb: NDArray[np.uint8]) -> Pixels:
    """An image as the segmenter's encoder takes it."""
    height, width = rgb.shape[:2]
    size = segmenter.input.scaled(width, height)
    small = rgb if size == (width, height) else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return Pixels(np.asarray(small, np.uint8), width, height)


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union, 0..1; two empty masks are equal."""
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def tight_box(mask: Mask) -> NDArray[np.float32]:
    """x0, y0, x1, y1 around the mask, in pixels; x1 and y1 exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def measure(segmenter: Segmenter, example: Example) -> Result:
    """Ask for one object in every way."""
    name, rgb, truth = example
    annotator = Annotator(segmenter, rgb, truth)
    box = tight_box(truth)
    answers = [
        annotator.ask(clicks, box if boxed else None) for clicks, boxed in ((1, 0), (3, 0), (0, 1), (2, 1))
    ]
    ious, scores = zip(*answers, strict=True)
    return Result(name, ious, scores, annotator.encode, statistics.fmean(annotator.decodes))


def scenes(count: int) -> Iterator[Example]:
    """The objects of the first ``count`` generated scenes."""
    for seed in range(count):
        rgb, masks = scene(seed, *SIZES[seed % len(SIZES)])
        for index, mask in enumerate(masks):
            yield f"scene {seed}.{index}", rgb, mask
