"""Noise as surfaces have it: more of what is large than of what is small."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Rng = np.random.Generator


def mottle(rng: Rng, width: int, height: int, slope: float) -> Field:
    """HxW float32, mean 0 and standard deviation 1; the amplitude falls with frequency f as 1/f^slope.

    Photographs have a slope of about 1; that of clouds is larger, that of gravel smaller.
    """
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    waves = rng.standard_normal((2, *frequency.shape))
    field = np.fft.irfft2((waves[0] + 1j * waves[1]) / frequency**slope, s=(height, width))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def patches(rng: Rng, width: int, height: int, side: float) -> NDArray[np.int32]:
    """HxW int32, number of the nearest of points strewn about ``side`` pixels apart: cells as of gravel."""
    count = max(2, round(width * height / side**2))
    seeds = np.ones((height, width), np.uint8)
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    _, labels = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return np.asarray(labels, np.int32)
