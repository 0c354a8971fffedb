"""Whether an answer's mask is the one that the same side gives when it is asked alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.peer.clicking import Answer
from testing.weights.in_process import region_mask

ALIKE = 0.98
"""IoU from which two masks are the same: sums in another order move pixels whose logit is nearly zero."""

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Alone:
    """``masks``: what one side gives with nobody else there, by picture and click; None: an empty one."""

    masks: dict[tuple[str, int], Mask | None] = field(default_factory=dict)
    _same: dict[tuple[str, int], set[str]] = field(default_factory=dict)

    def learn(self, answer: Answer) -> None:
        """Take the answer for right. Raises RuntimeError for one without a mask in it."""
        key = (answer.scene.name, answer.click)
        if not answer.well:
            raise RuntimeError(
                f"a click alone on {answer.scene.name} was answered with {answer.status}: "
                f"{answer.body[:300]!r}"
            )
        self.masks[key] = mask_of(answer.body)
        self._same[key] = {digest(answer.body)}

    def knows(self, answer: Answer) -> bool:
        """Whether the click was asked alone before."""
        return (answer.scene.name, answer.click) in self.masks

    def right(self, answer: Answer) -> bool:
        """Whether the answer has the mask that was learned. Raises KeyError for a click that was not."""
        key = (answer.scene.name, answer.click)
        seen, found = self._same[key], digest(answer.body)
        if found in seen:
            return True
        well = iou(self.masks[key], mask_of(answer.body)) >= ALIKE
        if well:
            seen.add(found)
        return well

    def wrong(self, answers: Iterable[Answer]) -> int:
        """How many of the answers that came are not right."""
        return sum(answer.well and not self.right(answer) for answer in answers)


def agreement(one: Alone, other: Alone) -> float:
    """Mean IoU of the masks of two sides, over the clicks that both know."""
    both = one.masks.keys() & other.masks.keys()
    return sum(iou(one.masks[key], other.masks[key]) for key in both) / len(both)


def digest(body: bytes) -> str:
    """SHA-256 of the masks in an answer."""
    found = hashlib.sha256()
    for region in _regions(body):
        found.update(np.asarray(region["value"]["rle"], np.uint8).tobytes())
    return found.hexdigest()


def mask_of(body: bytes) -> Mask | None:
    """HxW mask of the first region of an answer; None where nothing is on, which ours leaves out."""
    regions = _regions(body)
    mask = region_mask(regions[0]) if regions else None
    return mask if mask is not None and mask.any() else None


def iou(one: Mask | None, other: Mask | None) -> float:
    """Intersection over union; masks of other sizes have nothing in common, two empty ones all."""
    if one is None or other is None:
        return float(one is other)
    if one.shape != other.shape:
        return 0.0
    return float((one & other).sum() / (one | other).sum())


def _regions(body: bytes) -> list[dict[str, dict[str, object]]]:
    results = json.loads(body)["results"]
    return list(results[0]["result"]) if results else []
