"""Whether two ways to run a model give the same masks: random prompts, and the IoU of their answers."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmenters.resample import to_mask
from testing.pointing import iou
from values.masks import Masks
from values.prompt import Prompt

KINDS = ("click", "box", "3 clicks")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Mean and least IoU, 0..1, of masks with those of the reference."""

    mean: float
    least: float


def prompts(kind: str, seed: int, width: int, height: int, count: int) -> list[Prompt]:
    """``count`` prompts of one of KINDS in an image of ``width`` x ``height``, a function of the arguments.

    The first of three clicks is positive; boxes are a fifth to a half of the image wide and high.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind), width, height])
    return [_box(rng) if kind == "box" else _clicks(rng, kind) for _ in range(count)]


def shown(masks: Masks, width: int, height: int) -> list[Mask]:
    """Every candidate as a mask (height, width) of the image, in the decoder's order."""
    return [to_mask(logits, masks.frame, width, height) for logits in masks.logits]


def agreement(pairs: Iterable[tuple[list[Mask], list[Mask]]]) -> Agreement:
    """The agreement of pairs of answers to the same prompts, candidate by candidate.

    Candidates are not ranked first: where two scores are nearly equal, rounding would decide which masks are
    compared. Raises ValueError when one answer of a pair has more candidates, and when there are no pairs.
    """
    ious = [iou(one, other) for pair in pairs for one, other in zip(*pair, strict=True)]
    if not ious:
        raise ValueError("there are no masks to compare")
    return Agreement(statistics.fmean(ious), min(ious))


def _clicks(rng: np.random.Generator, kind: str) -> Prompt:
    count = 3 if kind == "3 clicks" else 1
    labels = rng.integers(0, 2, count).astype(np.int32)
    labels[0] = 1
    return Prompt(rng.uniform(0, 1, (count, 2)), labels)


def _box(rng: np.random.Generator) -> Prompt:
    extent = rng.uniform(0.2, 0.5, 2)
    corner = rng.uniform(0, 1 - extent)
    return Prompt(box=np.concatenate([corner, corner + extent]))
