"""Preprocessing of images: normalised and padded to the encoder's canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import MEAN, SIDE, STD


def canvas(rgb: NDArray[np.generic]) -> NDArray[np.float32]:
    """(1, 3, 1024, 1024) float32: ``rgb`` (HxWx3, 0..255) normalised, at the top left; the padding is 0.

    As ``Sam.preprocess`` of segment-anything, which pads after it normalises.
    """
    height, width = rgb.shape[:2]
    prepared = np.zeros((1, 3, SIDE, SIDE), np.float32)
    for channel, (mean, std) in enumerate(zip(MEAN, STD, strict=True)):
        plane = prepared[0, channel, :height, :width]
        np.subtract(rgb[..., channel], np.float32(mean), out=plane, casting="unsafe")
        np.divide(plane, np.float32(std), out=plane)
    return prepared
