"""Pictures as OWLv2 takes them: what transformers' own processor computes, without torchvision or SciPy.

The picture is padded with black to a square, smoothed as much as it shrinks, and resampled linearly, as
``skimage.transform.resize`` does with ``anti_aliasing``. Only what is not black is computed. A picture whose
long side is the model's already is only padded.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from values.image import Pixels

Floats = NDArray[np.float32]

# CLIP's mean and standard deviation of RGB in 0..1, which OWLv2 was trained with.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

_TRUNCATE = 4.0  # standard deviations on each side that a Gaussian kernel has


def canvas(pixels: Pixels, side: int) -> Floats:
    """(3, ``side``, ``side``) float32, normalised, the picture at the top left; ``pixels`` of any size."""
    image = pixels.rgb.astype(np.float32) * np.float32(1 / 255)
    longest = max(image.shape[:2])
    if longest != side:
        image = _resized(image, longest, side)
    square = np.zeros((side, side, 3), np.float32)
    square[: image.shape[0], : image.shape[1]] = image
    square -= np.array(MEAN, np.float32)
    square /= np.array(STD, np.float32)
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def _resized(image: Floats, longest: int, side: int) -> Floats:
    """The part of the padded square at ``side`` that is not black."""
    factor = longest / side
    sigma = max(0.0, (factor - 1) / 2)
    radius = int(_TRUNCATE * sigma + 0.5)
    # Black beside the picture is smoothed into it. Beyond this margin all is black.
    margin = 2 * radius + math.ceil(factor) + 2
    below, right = (min(longest - length, margin) for length in image.shape[:2])
    padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=(0.0, 0.0, 0.0))
    if radius:
        kernel = _gaussian(sigma, radius)
        padded = cv2.sepFilter2D(padded, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101)
    for axis in (0, 1):
        padded = _resampled(np.asarray(padded, np.float32), axis, longest, side)
    return np.asarray(padded, np.float32)


def _gaussian(sigma: float, radius: int) -> NDArray[np.float64]:
    places = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (places / sigma) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float64)


def _resampled(image: Floats, axis: int, longest: int, side: int) -> Floats:
    """``image`` along ``axis`` at the places of ``side`` pixels in ``longest``, linearly between two pixels.

    Places outside of the square are mirrored at the centres of its outermost pixels.
    """
    there = image.shape[axis]
    places = np.abs((np.arange(side) + 0.5) * (longest / side) - 0.5)
    last = longest - 1
    places = np.clip(np.where(places > last, 2 * last - places, places), 0, last)
    first = np.floor(places).astype(np.int64)
    second = np.minimum(first + 1, last)
    count = int(np.searchsorted(np.maximum.accumulate(second), there)) if there < longest else side
    shape = [1, 1, 1]
    shape[axis] = count
    share = (places - first)[:count].astype(np.float32).reshape(shape)
    before, after = (np.take(image, of[:count], axis) for of in (first, second))
    return np.asarray(before + share * (after - before), np.float32)
