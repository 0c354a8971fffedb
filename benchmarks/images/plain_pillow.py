"""An image file read by Pillow in the plain way: every pixel is decoded, then all is resized."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from values.image import ModelSize

_BILINEAR = Image.Resampling.BILINEAR


def whole_levels(data: bytes, size: ModelSize) -> NDArray[np.uint8]:
    """HxWx3 uint8 at ``size``, resized in 8 bits as most programs do."""
    rgb = _opened(data)
    return np.array(rgb.resize(size.scaled(*rgb.size), _BILINEAR), np.uint8)


def fractions(data: bytes, size: ModelSize) -> NDArray[np.float32]:
    """HxWx3 float32 at ``size``, where resizing rounds nothing."""
    rgb = _opened(data)
    target = size.scaled(*rgb.size)
    planes = [plane.convert("F").resize(target, _BILINEAR) for plane in rgb.split()]
    return np.stack([np.asarray(plane, np.float32) for plane in planes], -1)


def exact(data: bytes, size: ModelSize) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The pixels that ``size`` asks for, made from every pixel of the file."""
    return fractions(data, size) if size.fractions else whole_levels(data, size)


def load(data: bytes, size: ModelSize) -> None:
    """Decode without resizing; a JPEG at the smallest size that its DCT offers for ``size``."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, size.scaled(*image.size))
        image.load()


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
