"""A mask as a slope: -1 outside, 1 inside, smooth between, so that enlarged its border shows no stairs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.view import Mask
from segmenters.classical.window import Window

SoftMask = NDArray[np.float32]
"""HxW of the encoder's image."""

_EDGE = 1.0  # cells of blur over a mask


def soft_mask(mask: Mask, window: Window, shape: tuple[int, int]) -> SoftMask:
    """Of a mask on the grid of a window; outside of it nothing is on."""
    soft = np.full(shape, -1, np.float32)
    window.paint(_slope(mask), soft)
    return soft


def changed(before: SoftMask, mask: Mask, where: Mask, window: Window) -> SoftMask:
    """``before`` with ``mask`` in its place ``where``, both on the grid of a window."""
    soft, piece, share = before.copy(), np.full_like(before, -1), np.zeros_like(before)
    window.paint(_slope(mask), piece)
    window.paint(where.astype(np.float32), share)
    np.copyto(soft, piece, where=share > 0.5)
    return soft


def _slope(mask: Mask) -> NDArray[np.float32]:
    bits = np.where(mask, 1, -1).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(bits, (0, 0), _EDGE), np.float32)
