"""Hints of the classical segmenter: a prompt in the pixels of the encoder's image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.window import Box, Point
from values.embedding import Embedding
from values.prompt import Prompt

_DRAWN = 0.25  # of a pixel; half would lose strokes thinner than a pixel of the smaller image
_ROUNDING = 1e-6  # of a pixel: what a place may have lost on its way through a fraction


@dataclass(frozen=True, slots=True, eq=False)
class Hints:
    """``clicks``: (x, y), positive?, oldest first, each in the middle of the pixel, of the file that was
    read, that was clicked.

    ``box``: inside the image and grown to hold every positive click, or None. ``prior``: HxW bool at the size
    of the encoder's image, or None. Coordinates that are not finite numbers are left out.
    """

    clicks: tuple[tuple[Point, bool], ...]
    box: Box | None
    prior: NDArray[np.bool_] | None

    @classmethod
    def of(cls, prompt: Prompt, embedding: Embedding) -> Hints:
        """The hints that a prompt gives about the image of an embedding."""
        clicks = tuple(
            (_center(float(x), float(y), embedding), bool(label == 1))
            for (x, y), label in zip(prompt.points, prompt.labels, strict=False)
            if np.isfinite(x) and np.isfinite(y)
        )
        positive = [point for point, on in clicks if on]
        return cls(clicks, _box(prompt.box, positive, embedding), _prior(prompt.mask, embedding))

    def until(self, index: int) -> Hints:
        """The hints as they were with the click of that index."""
        return replace(self, clicks=self.clicks[: index + 1])

    @property
    def positive(self) -> list[Point]:
        """The positive clicks, oldest first."""
        return [point for point, on in self.clicks if on]

    @property
    def negative(self) -> list[Point]:
        """The negative clicks, oldest first."""
        return [point for point, on in self.clicks if not on]


def _center(x: float, y: float, embedding: Embedding) -> Point:
    column = min(max(0, int(x * embedding.width + _ROUNDING)), embedding.width - 1)
    row = min(max(0, int(y * embedding.height + _ROUNDING)), embedding.height - 1)
    return (
        (column + 0.5) * embedding.input_width / embedding.width,
        (row + 0.5) * embedding.input_height / embedding.height,
    )


def _box(box: NDArray[np.float64] | None, positive: list[Point], embedding: Embedding) -> Box | None:
    if box is None or not np.all(np.isfinite(box)):
        return None
    width, height = embedding.input_width, embedding.input_height
    x0, x1 = sorted(min(max(0.0, float(x) * width), width) for x in (box[0], box[2]))
    y0, y1 = sorted(min(max(0.0, float(y) * height), height) for y in (box[1], box[3]))
    # Half a natural pixel around a click, so that the clicked pixel itself is inside.
    half_x, half_y = width / embedding.width / 2, height / embedding.height / 2
    xs = [x0, x1, *(x + side * half_x for x, _ in positive for side in (-1, 1))]
    ys = [y0, y1, *(y + side * half_y for _, y in positive for side in (-1, 1))]
    return min(xs), min(ys), max(xs), max(ys)


def _prior(mask: NDArray[np.float32] | None, embedding: Embedding) -> NDArray[np.bool_] | None:
    if mask is None or mask.size == 0:
        return None
    size = (embedding.input_width, embedding.input_height)
    method = cv2.INTER_AREA if mask.shape[1] > size[0] else cv2.INTER_LINEAR
    drawn = np.asarray(cv2.resize(np.asarray(mask, np.float32), size, interpolation=method) > _DRAWN)
    return drawn if drawn.any() else None
