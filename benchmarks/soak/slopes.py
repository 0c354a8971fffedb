"""Whether a quantity that was sampled again and again grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Slope:
    """``first`` and ``last`` value; by how much it grows in an hour, give or take ``error`` (two standard
    errors of the straight line through all samples)."""

    first: float
    last: float
    an_hour: float
    error: float

    def exceeds(self, limit: float) -> bool:
        """Whether it surely grows by more than that in an hour."""
        return self.an_hour - self.error > limit


def slope(at: Sequence[float], values: Sequence[float]) -> Slope:
    """Of at least three samples ``at`` seconds."""
    hours, samples = np.asarray(at) / HOUR_S, np.asarray(values, float)
    (steep, height), residuals = np.polyfit(hours, samples, 1), 0.0
    residuals = float(((samples - steep * hours - height) ** 2).sum())
    spread = float(((hours - hours.mean()) ** 2).sum())
    error = 2 * (residuals / max(1, len(samples) - 2) / spread) ** 0.5
    return Slope(float(samples[0]), float(samples[-1]), float(steep), error)
