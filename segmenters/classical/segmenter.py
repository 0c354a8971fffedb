"""The segmenter without weights: GrabCut in two passes, on colour alone.

It serves from the first minute, offline and on any CPU, and knows nothing of objects: it finds what differs
in colour from its surroundings. The order of passes, the assumed disc around a click and the rest are in
``segmenters.classical.tracing``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.hints import Hints
from segmenters.classical.tracing import CELLS, Traced, trace
from segmenters.options import ModelOptions
from values.embedding import Embedding
from values.errors import ModelError
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

VERSION = "classical-1"

_INPUT = ModelSize(1024, keep_aspect=True, enlarge=False)
_LENS = 0.5  # pixels of blur: grain would otherwise count as edges
_EDGE = 1.0  # cells of blur over the mask: the border is to be a slope, or enlarging would show stairs
_HEIGHT = 8.0  # logits are -8..8, about as far as a learnt decoder goes


def make(_name: str, _options: ModelOptions) -> Classical:
    """The one model without weights; nothing about it can be chosen."""
    return Classical()


@dataclass(frozen=True, slots=True)
class Classical:
    """Description of the classical segmenter; it has no options."""

    name: str = "classical"
    version: str = VERSION
    input: ModelSize = _INPUT
    refines: bool = False

    def load_encoder(self, threads: int) -> ClassicalEncoder:
        """The encoder half; nothing is read from disk."""
        return ClassicalEncoder()

    def load_decoder(self, threads: int) -> ClassicalDecoder:
        """The decoder half. Sets OpenCV to ``threads`` in this process."""
        cv2.setNumThreads(threads)
        return ClassicalDecoder()


class ClassicalEncoder:
    """Colour as people see it (CIELAB), a little blurred, at two sizes."""

    device = "cpu"

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """One embedding per image, in order.

        Arrays, both HxWx3 uint8 in OpenCV's 8-bit Lab: ``lab`` at the size of the pixels given, ``overview``
        in about ``segmenters.classical.tracing.CELLS`` pixels at most.
        """
        return [_encode(pixels) for pixels in batch]


class ClassicalDecoder:
    """Cuts the object out of the colours. Holds no state, so any number of threads may share it."""

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """One candidate at the size of the encoder's image.

        Every positive click is on, every negative one off (of two closer than two pixels of the encoder's
        image the newer counts), and nothing outside the box is on; a positive click outside the box
        stretches it. Without a positive click, a box or a drawn mask the answer is an empty mask with score
        0. The score is ``segmenters.classical.grabcut.plausibility``. Raises
        ``values.errors.ModelError``
        for an embedding of another segmenter.
        """
        if embedding.segmenter != VERSION:
            raise ModelError(f"the {VERSION} decoder cannot read an embedding made by {embedding.segmenter}")
        hints = Hints.of(prompt, embedding)
        lab = np.asarray(embedding.arrays["lab"], np.uint8)
        traced = trace(lab, np.asarray(embedding.arrays["overview"], np.uint8), hints)
        shape = (embedding.input_height, embedding.input_width)
        logits = np.full(shape, -_HEIGHT, np.float32) if traced is None else _logits(traced, hints, shape)
        scores = np.array([0.0 if traced is None else traced.score], np.float32)
        return Masks(logits[None], scores, Frame(None, shape))


def _encode(pixels: Pixels) -> Embedding:
    height, width = pixels.rgb.shape[:2]
    lab = cv2.GaussianBlur(cv2.cvtColor(np.asarray(pixels.rgb, np.uint8), cv2.COLOR_RGB2LAB), (0, 0), _LENS)
    scale = min(1.0, math.sqrt(CELLS / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    overview = cv2.resize(lab, size, interpolation=cv2.INTER_AREA)
    arrays = {"lab": np.asarray(lab, np.uint8), "overview": np.asarray(overview, np.uint8)}
    return Embedding(arrays, VERSION, pixels.width, pixels.height, width, height)


def _logits(traced: Traced, hints: Hints, shape: tuple[int, int]) -> NDArray[np.float32]:
    """HxW float32 of the whole image, with the promises about box and clicks kept to the pixel."""
    slope = cv2.GaussianBlur(np.where(traced.mask, 1, -1).astype(np.float32), (0, 0), _EDGE)
    logits = np.full(shape, -1, np.float32)
    traced.window.paint(np.asarray(slope, np.float32), logits)
    if hints.box is not None:
        _clip_to_box(logits, hints.box)
    for (x, y), on in hints.clicks:
        # The natural pixel is interpolated from these four at most.
        column, row = x - 0.5, y - 0.5
        rows = slice(max(0, math.floor(row)), math.ceil(row) + 1)
        columns = slice(max(0, math.floor(column)), math.ceil(column) + 1)
        logits[rows, columns] = 1 if on else -1
    return logits * np.float32(_HEIGHT)


def _clip_to_box(logits: NDArray[np.float32], box: tuple[float, float, float, float]) -> None:
    """Bound the logits by the distance to the box's nearest side: enlarged, the mask ends exactly there.

    That distance is a concave function, which linear interpolation never exceeds. Sides on the image's edge
    bound nothing.
    """
    height, width = logits.shape
    across = _depth(width, box[0], box[2])
    down = _depth(height, box[1], box[3])
    np.minimum(logits, across, out=logits)
    np.minimum(logits, down[:, None], out=logits)
    np.maximum(logits, -1, out=logits)


def _depth(length: int, low: float, high: float) -> NDArray[np.float32]:
    """How far inside low..high the middle of each of ``length`` pixels is; negative outside."""
    middle = np.arange(length) + 0.5
    start = low if low > 0 else -math.inf
    end = high if high < length else math.inf
    return np.asarray(np.minimum(middle - start, end - middle), np.float32)
