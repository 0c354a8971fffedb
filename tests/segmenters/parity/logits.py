"""Low-res logits as a decoder could give them, and how they are judged."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import LOW_RES

Floats = NDArray[np.float32]

# Of SAM 2's official configurations: a mask is stable where the area above one threshold is this much of the
# area above the other.
DELTA = 0.05
STABLE = 0.98

# Of logits, within which rounding decides on which side of zero they are: a few pixels of every border.
ROUNDING = 1e-3


def wrong(mask: NDArray[np.bool_], official: Floats) -> int:
    """How many pixels of a mask differ from the official logits at its size, other than by rounding."""
    return int(np.count_nonzero((mask != (official > 0)) & (np.abs(official) > ROUNDING)))


def smooth(random: np.random.Generator, scale: float) -> Floats:
    """(256, 256): blobs of either sign, a few across; most reach ``scale``."""
    coarse = random.standard_normal((9, 9)).astype(np.float32) * np.float32(scale)
    return np.asarray(cv2.resize(coarse, (LOW_RES, LOW_RES), interpolation=cv2.INTER_CUBIC), np.float32)


def decided(logits: Floats, scores: Floats, rounding: float) -> bool:
    """Whether SAM 2 chooses the same single mask of four when numbers change by no more than ``rounding``."""
    least, most = (_stability(logits[0], DELTA + change) for change in (rounding, -rounding))
    second, best = np.sort(scores[1:])[1:]
    return least >= STABLE or (most < STABLE and bool(best - second > 2 * rounding))


def _stability(logits: Floats, delta: float) -> float:
    inner, outer = np.count_nonzero(logits > delta), np.count_nonzero(logits > -delta)
    return inner / outer if outer else 1.0
