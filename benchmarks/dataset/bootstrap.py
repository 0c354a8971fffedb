"""Intervals of means, by drawing the pictures anew (Efron's bootstrap, percentile method).

Things of one picture are alike, so whole pictures are drawn and not things: each of 2,000 samples has as many
pictures as there are, some several times. The interval holds the middle 95 % of the samples' means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SAMPLES = 2000
SHARE = 0.95
_SEED = 17


class Interval(NamedTuple):
    """A mean and where it may be; ``low`` and ``high`` are None where there is one picture."""

    mean: float
    low: float | None
    high: float | None

    @property
    def is_apart(self) -> bool:
        """Whether 0 is outside."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def interval(values: Sequence[float], pictures: Sequence[int]) -> Interval:
    """Of the mean of ``values``; ``pictures``: which picture each is of, as numbers from 0."""
    groups = np.asarray(pictures)
    sums, counts = np.bincount(groups, values), np.bincount(groups)
    sums, counts = sums[counts > 0], counts[counts > 0]
    mean = float(sums.sum() / counts.sum())
    if len(counts) < 2:
        return Interval(mean, None, None)
    draws = np.random.default_rng(_SEED).multinomial(
        len(counts), np.full(len(counts), 1 / len(counts)), SAMPLES
    )
    means = draws @ sums / (draws @ counts)
    outside = 50 * (1 - SHARE)
    low, high = np.percentile(means, (outside, 100 - outside))
    return Interval(mean, float(low), float(high))
