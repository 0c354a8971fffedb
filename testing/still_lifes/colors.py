"""Colours that people tell apart, as the share of light that a surface throws back."""

from __future__ import annotations

import cv2
import numpy as np

from testing.still_lifes.noise import Field, Rng

CLEAR = 28.0
"""Distance in CIELAB between a thing and what is around it that nobody overlooks."""


def color(rng: Rng, *others: Field, chroma: float = 38.0) -> Field:
    """(3,) float32 CIELAB, L 30..75, at least CLEAR from each of ``others``."""
    while True:
        angle, strength = rng.uniform(0, 2 * np.pi), chroma * np.sqrt(rng.uniform(0, 1))
        found = np.array(
            [rng.uniform(30, 75), strength * np.cos(angle), strength * np.sin(angle)], np.float32
        )
        if all(float(np.linalg.norm(found - other)) >= CLEAR for other in others):
            return found


def reflectance(lab: Field) -> Field:
    """HxWx3 float32 CIELAB to linear RGB, 0..1."""
    lab = lab.astype(np.float32)
    lab[..., 0] = np.clip(lab[..., 0], 2, 98)
    linear = cv2.cvtColor(np.ascontiguousarray(lab), cv2.COLOR_LAB2LRGB)
    return np.asarray(np.clip(linear, 0.005, 1), np.float32)
