"""Masks an annotator drew, as mask prompts.

Every mask is read at the image's natural size and kept at most :data:`LONG_SIDE` pixels long, more than any
segmenter's mask input. Whatever sizes the encoded data claims, no more is allocated than the image's own.
"""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protocol import brush_rle
from values.errors import BadPrompt

LONG_SIDE = 512
"""The long side of a mask prompt in pixels."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """An area of an image.

    ``box``: (4,) float32 x0, y0, x1, y1, the outer edges in pixels of the natural image.
    ``mask``: HxW float32 in 0..1 over the whole image, at most 512 pixels on the long side; None for a box.
    """

    box: NDArray[np.float32]
    mask: NDArray[np.float32] | None = None


def from_rle(rle: bytes, width: int, height: int) -> Drawn:
    """A brush region's RLE. Raises BadPrompt when it is damaged, of another size, or empty."""
    return _shrunk(brush_rle.decode(rle, height, width))


def from_png(url: str, width: int, height: int, *, by_alpha: bool) -> Drawn:
    """A ``data:image/png;base64`` mask of exactly the image's size.

    ``by_alpha``: a pixel is on where it is not transparent (bitmask regions); otherwise where its first
    channel is not 0 as well (the brush's ``maskDataURL``). Without transparency it is on where not black.

    Raises:
        BadPrompt: not such a PNG, of another size, or empty.
    """
    data = _png_bytes(url)
    # The size is in the header, so that nothing is decoded that is not the image's size.
    claimed = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    if claimed != (width, height):
        raise BadPrompt(
            f"the mask's PNG has {claimed[0]} x {claimed[1]} pixels, its image {width} x {height}"
        )
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            on = _opaque(image, by_alpha)
    except Exception as error:  # a decoder fails in ways of its own on each kind of damage
        raise BadPrompt(f"the mask's PNG does not decode: {type(error).__name__}") from None
    return _shrunk(on)


def from_polygon(points: NDArray[np.float64], width: int, height: int) -> Drawn:
    """A closed polygon, Nx2 in pixels of the natural image.

    Raises:
        BadPrompt: the polygon has no area.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    if not (high > low).all():
        raise BadPrompt("the polygon has no area inside the image")
    columns, rows = _size(width, height)
    # fillPoly takes pixel centres, in 1/16 pixel.
    scaled = (points * (columns / width, rows / height) - 0.5) * 16
    mask = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(mask, [np.round(scaled).astype(np.int32)], 1, shift=4)
    return Drawn(np.concatenate([low, high]).astype(np.float32), mask.astype(np.float32))


def _png_bytes(url: str) -> bytes:
    head, _, payload = url.partition(",")
    if not head.startswith("data:image/png") or not head.endswith(";base64"):
        raise BadPrompt('the mask is not a PNG in a data URL: it must begin with "data:image/png;base64,"')
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadPrompt("the mask's data URL is not base64") from None
    if len(data) < 24 or not data.startswith(_PNG_SIGNATURE):
        raise BadPrompt("the mask's data URL holds no PNG")
    return data


def _opaque(image: Image.Image, by_alpha: bool) -> NDArray[np.bool_]:
    if not image.has_transparency_data:
        on: NDArray[np.bool_] = np.asarray(image.convert("L")) != 0
        return on
    rgba = np.asarray(image.convert("RGBA"))
    on = rgba[..., 3] != 0
    return on if by_alpha else on & (rgba[..., 0] != 0)


def _shrunk(on: NDArray[np.bool_]) -> Drawn:
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    if not rows.size:
        raise BadPrompt("the drawn mask is empty")
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    height, width = on.shape
    mask = cv2.resize(on.view(np.uint8) * np.uint8(255), _size(width, height), interpolation=cv2.INTER_AREA)
    return Drawn(box, mask.astype(np.float32) / np.float32(255))


def _size(width: int, height: int) -> tuple[int, int]:
    """(columns, rows) of a mask prompt; an image that is already small keeps its size."""
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
