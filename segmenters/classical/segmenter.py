"""The segmenter without weights: what it finds has borders, and differs in colour from what is around it.

It serves from the first minute, offline and on any CPU, and knows nothing of objects. The encoder finds
boundaries and a hierarchy of regions; a click may mean any of the regions and contours around it, and what
most looks like a thing is the answer (``segmenters.classical.tracing``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.automatic.filters import Nature
from segmenters.classical.hints import Hints
from segmenters.classical.picture import Picture
from segmenters.classical.soft_mask import SoftMask
from segmenters.classical.spare_core import SpareCore
from segmenters.classical.tracing import trace
from segmenters.options import ModelOptions
from values.embedding import Embedding
from values.errors import ModelError
from values.image import ModelSize, Pixels
from values.masks import Frame, Masks
from values.prompt import Prompt

VERSION = "classical-3"

_INPUT = ModelSize(1024, keep_aspect=True, enlarge=False)
_LENS = 0.5  # pixels of blur: grain would otherwise count as edges
# The slope of its logits is the same along every border, and tells nothing of a mask. A second click on what
# was found finds the same, and a click takes as long as three of MobileSAM.
_NATURE = Nature(points=16, iou=0.6, offset=0, covers=0.25)
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
    refines: bool = True
    nature: Nature = _NATURE

    def load_encoder(self, threads: int) -> ClassicalEncoder:
        """The encoder half; nothing is read from disk."""
        return ClassicalEncoder()

    def load_decoder(self, threads: int) -> ClassicalDecoder:
        """The decoder half. Sets OpenCV to ``threads`` in this process."""
        cv2.setNumThreads(threads)
        return ClassicalDecoder()


class ClassicalEncoder:
    """Colour as people see it (CIELAB), a little blurred, and what it tells of regions."""

    device = "cpu"

    def encode(self, batch: Sequence[Pixels]) -> list[Embedding]:
        """One embedding per image, in order.

        Arrays: ``lab``, HxWx3 uint8 in OpenCV's 8-bit Lab at the size of the pixels given; ``overview``, the
        same in a bounded number of cells, and of these ``strength``, HxW uint8, the boundary strength, and
        two hierarchies of regions (``segmenters.classical.picture``).
        """
        return [_encode(pixels) for pixels in batch]


class ClassicalDecoder:
    """Finds the thing that was meant. Any number of threads may share it; a click alone has two cores."""

    def __init__(self) -> None:
        self._spare = SpareCore()

    def decode(self, embedding: Embedding, prompt: Prompt) -> Masks:
        """Masks at the size of the encoder's image: up to three of a click, else one.

        Every positive click is on, every negative one off (of two closer than two pixels of the encoder's
        image the newer counts), and nothing outside the box is on; a positive click outside the box
        stretches it. A further click adds one part to the answer before it, or takes one away. Without a
        positive click, a box or a drawn mask the answer is an empty mask with score 0. The score estimates
        the IoU by what the mask looks like. Raises ``values.errors.ModelError`` for an embedding of another
        segmenter.
        """
        if embedding.segmenter != VERSION:
            raise ModelError(f"the {VERSION} decoder cannot read an embedding made by {embedding.segmenter}")
        hints = Hints.of(prompt, embedding)
        shape = (embedding.input_height, embedding.input_width)
        with self._spare.click() as begin:
            traced = trace(Picture.of(embedding), hints, _before(prompt, shape), begin)
        if not traced:
            return Masks(
                np.full((1, *shape), -_HEIGHT, np.float32), np.zeros(1, np.float32), Frame(None, shape)
            )
        logits = np.stack([_logits(each.soft, hints) for each in traced])
        return Masks(logits, np.array([each.score for each in traced], np.float32), Frame(None, shape))


def _before(prompt: Prompt, shape: tuple[int, int]) -> SoftMask | None:
    """The answer to refine, if it is one of this segmenter's."""
    if prompt.low_res is None or prompt.low_res.shape != shape:
        return None
    return np.asarray(prompt.low_res, np.float32) / np.float32(_HEIGHT)


def _encode(pixels: Pixels) -> Embedding:
    height, width = pixels.rgb.shape[:2]
    lab = cv2.GaussianBlur(cv2.cvtColor(np.asarray(pixels.rgb, np.uint8), cv2.COLOR_RGB2LAB), (0, 0), _LENS)
    arrays = Picture.arrays(np.asarray(lab, np.uint8))
    return Embedding(arrays, VERSION, pixels.width, pixels.height, width, height)


def _logits(soft: SoftMask, hints: Hints) -> NDArray[np.float32]:
    """HxW float32 of the whole image, with the promises about box and clicks kept to the pixel."""
    logits = soft.copy()
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
