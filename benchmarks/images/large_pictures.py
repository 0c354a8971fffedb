"""Pictures of many megapixels with known things in them: generated scenes and photographs, enlarged.

An enlarged picture lacks detail finer than a few pixels, which cameras of that many megapixels hardly have
either. Every pixel gets a grain of its own, as from a sensor.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from testing.photographs import photographs
from testing.scenes import scene

SIZES = {2: (1632, 1224), 12: (4000, 3000), 24: (6000, 4000)}
"""Megapixels -> width and height of cameras that have as many."""

QUALITY = 92  # a quarter of a byte for each pixel, about what phones write

_GRAIN = 4.0  # levels, standard deviation
_TILE = 512  # pixels, a side of the grain that repeats itself

_Rgb = NDArray[np.uint8]
_Mask = NDArray[np.bool_]


class Picture(NamedTuple):
    """``rgb``: HxWx3 uint8. ``masks``: HxW bool, one for each thing that is known in it."""

    rgb: _Rgb
    masks: list[_Mask]


def large_scene(seed: int, megapixels: int) -> Picture:
    """The scene of this seed in one of SIZES, drawn at half the width and height."""
    width, height = SIZES[megapixels]
    return enlarged(*scene(seed, width // 2, height // 2), width, height)


def large_photographs(megapixels: int) -> Iterator[Picture]:
    """Every photograph, in its own shape, with all things that are outlined in it."""
    for _, things in groupby(photographs(), key=lambda thing: thing[0].split(":")[0]):
        _, pictures, masks = zip(*things, strict=True)
        height, width = pictures[0].shape[:2]
        scale = math.sqrt(megapixels * 1e6 / (width * height))
        yield enlarged(pictures[0], list(masks), round(width * scale), round(height * scale))


def enlarged(rgb: _Rgb, masks: list[_Mask], width: int, height: int) -> Picture:
    """A picture and its truth at ``width`` x ``height``, with grain."""
    large = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = (np.random.default_rng(0).standard_normal((_TILE, _TILE, 3)) * _GRAIN).astype(np.int16)
    large += np.tile(grain, (height // _TILE + 1, width // _TILE + 1, 1))[:height, :width]
    truth = [_stretched(mask, width, height) for mask in masks]
    return Picture(np.clip(large, 0, 255).astype(np.uint8), truth)


def encoded(rgb: _Rgb, kind: str) -> bytes:
    """The picture as a file: ``JPEG``, ``PNG`` or ``WEBP``."""
    options: dict[str, Any] = {"PNG": {"compress_level": 1}}.get(kind, {"quality": QUALITY})
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, **options)
    return file.getvalue()


def _stretched(mask: _Mask, width: int, height: int) -> _Mask:
    cover = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cover > 0.5)
