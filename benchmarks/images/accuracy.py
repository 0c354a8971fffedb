"""What decoding a JPEG at a fraction of its size changes: its pixels and the masks in them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.agreement import Mask, shown
from benchmarks.images import plain_pillow
from benchmarks.images.large_pictures import Picture, encoded
from exports.middles import deepest
from imaging.decoding import decode
from imaging.options import ImageOptions
from segmenters.segmenter import Decoder, Encoder, Segmenter
from testing.pointing import iou, tight_box
from values.embedding import Embedding
from values.image import Pixels
from values.prompt import Prompt

GOAL = 0.99  # mean IoU of masks

Rgb = NDArray[np.uint8] | NDArray[np.float32]

_OURS, _EXACT, _NOISE = "ours", "exact", "noise"


@dataclass(frozen=True, slots=True)
class Difference:
    """Levels, 0..255, between the values of two images of the same size."""

    mean: float
    largest: float

    @classmethod
    def of(cls, one: Rgb, other: Rgb) -> Difference:
        """Of two images."""
        apart = np.abs(one.astype(np.float32) - other.astype(np.float32))
        return cls(float(apart.mean()), float(apart.max()))


@dataclass(frozen=True, slots=True)
class Overlap:
    """IoU, 0..1, of pairs of masks. ``alike``: the part of the pairs that have at least GOAL."""

    mean: float
    median: float
    least: float
    alike: float

    @classmethod
    def of(cls, ious: Sequence[float]) -> Overlap:
        """Of pairs whose IoU is known. Raises ValueError for none."""
        if not ious:
            raise ValueError("there are no masks to compare")
        alike = sum(each >= GOAL for each in ious) / len(ious)
        return cls(statistics.fmean(ious), statistics.median(ious), min(ious), alike)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One line of the table, against full decoding by plain Pillow.

    ``pixels``, ``masks``: of the image as this project decodes it; all candidates of ``prompts`` prompts.
    ``noise``: masks when every value of the full image is off by at most one level, which nobody can see. It
    shows what any change does to this model's masks. ``truth``, ``truth_exact``: mean IoU of the best masks
    with the known things of the picture, in this project's pixels and in the full image. ``goal``: of
    ``masks.mean``.
    """

    megapixels: int
    pictures: str
    model: str
    prompts: int
    pixels: Difference
    masks: Overlap
    noise: Overlap
    truth: float
    truth_exact: float
    goal: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        return None if self.goal is None else self.masks.mean >= self.goal


class Comparison:
    """Asks a model for the same masks in what this project decodes, in exact pixels, and in noisy ones."""

    def __init__(self, segmenter: Segmenter, threads: int) -> None:
        self._segmenter = segmenter
        self._encoder: Encoder = segmenter.load_encoder(threads)
        self._decoder: Decoder = segmenter.load_decoder(threads)
        self._pixels: list[Difference] = []
        self._ious: dict[str, list[float]] = {_OURS: [], _NOISE: []}
        self._truths: dict[str, list[float]] = {_OURS: [], _EXACT: []}

    def add(self, picture: Picture) -> None:
        """Everything that is known in one picture, saved as a JPEG."""
        data = encoded(picture.rgb, "JPEG")
        ours = decode(data, self._segmenter.input, ImageOptions())
        exact = plain_pillow.exact(data, self._segmenter.input)
        self._pixels.append(Difference.of(ours.rgb, exact))
        seen = {
            name: self._embedding(rgb, ours)
            for name, rgb in ((_OURS, ours.rgb), (_EXACT, exact), (_NOISE, noisy(exact)))
        }
        for truth in picture.masks:
            for prompt in prompts(truth):
                self._ask(seen, prompt, truth)

    def line(self, megapixels: int, pictures: str, goal: float | None) -> Accuracy:
        """The line for all pictures so far."""
        pixels = Difference(
            statistics.fmean(each.mean for each in self._pixels), max(each.largest for each in self._pixels)
        )
        return Accuracy(
            megapixels,
            pictures,
            self._segmenter.name,
            len(self._truths[_OURS]),
            pixels,
            Overlap.of(self._ious[_OURS]),
            Overlap.of(self._ious[_NOISE]),
            statistics.fmean(self._truths[_OURS]),
            statistics.fmean(self._truths[_EXACT]),
            goal,
        )

    def _embedding(self, rgb: Rgb, natural: Pixels) -> Embedding:
        [embedding] = self._encoder.encode([Pixels(rgb, natural.width, natural.height)])
        return embedding

    def _ask(self, seen: dict[str, Embedding], prompt: Prompt, truth: Mask) -> None:
        height, width = truth.shape
        answers = {name: self._decoder.decode(embedding, prompt) for name, embedding in seen.items()}
        found = {name: shown(masks, width, height) for name, masks in answers.items()}
        for name, ious in self._truths.items():
            ious.append(iou(found[name][np.argmax(answers[name].scores)], truth))
        for name, ious in self._ious.items():
            # A segmenter may offer more candidates in one of them: those are compared that both have.
            ious += [iou(one, other) for one, other in zip(found[name], found[_EXACT], strict=False)]


def measure(
    segmenter: Segmenter,
    threads: int,
    pictures: Iterable[Picture],
    line: tuple[int, str, float | None],
    after: Callable[[], None],
) -> Accuracy:
    """All pictures in one line; ``line``: megapixels, kind of pictures, goal."""
    comparison = Comparison(segmenter, threads)
    for picture in pictures:
        comparison.add(picture)
        after()
    return comparison.line(*line)


def prompts(truth: Mask) -> list[Prompt]:
    """A click in the middle of a thing, the box around it, and both."""
    _, point = deepest(truth)
    size, box = (truth.shape[1], truth.shape[0]), tight_box(truth)
    return [
        Prompt.in_pixels(size, [point], [1]),
        Prompt.in_pixels(size, box=box),
        Prompt.in_pixels(size, [point], [1], box),
    ]


def noisy(rgb: Rgb) -> Rgb:
    """Every value one level lower, the same, or one level higher, by a fixed random choice."""
    levels = np.random.default_rng(0).integers(-1, 2, rgb.shape)
    found = np.clip(rgb + levels, 0, 255)
    return found.astype(np.uint8) if rgb.dtype == np.uint8 else found.astype(np.float32)
