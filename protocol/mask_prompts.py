"""Mask prompts, made of masks that an annotator drew.

Every mask is read at the size that the browser shows, which the caller has bounded, and kept at most
``LONG_SIDE`` pixels long, more than any segmenter's mask input. Whatever the encoded data claims, reading
takes no more than the decoded picture itself, 4 bytes a pixel for a PNG and 1 for an RLE, and a strip of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protocol import brush_rle
from protocol.drawings import LONG_SIDE, Drawing, Drawn, check_png
from protocol.polygons import filled
from values.errors import BadPrompt

_STRIP = 2**20  # pixels that are looked at together

Mask = NDArray[np.bool_]
T = TypeVar("T")


def read(drawing: Drawing) -> Drawn:
    """The area that was drawn. Raises BadPrompt for data that are damaged, of another size, or empty."""
    data, width, height = drawing.data, drawing.width, drawing.height
    if drawing.kind == "rle":
        return from_rle(data, width, height)
    if drawing.kind == "polygon":
        return from_polygon(np.frombuffer(data, np.float64).reshape(-1, 2), width, height)
    return from_png(data, width, height, by_alpha=drawing.kind == "opaque png")


def from_rle(rle: bytes, width: int, height: int) -> Drawn:
    """A brush region's RLE. Raises BadPrompt when it is damaged, of another size, or empty."""
    on = brush_rle.decode(rle, height, width)
    return _shrunk((on[rows] for rows in _strips(width, height)), width, height)


def from_png(data: bytes, width: int, height: int, *, by_alpha: bool) -> Drawn:
    """A PNG of exactly the size that the browser shows.

    ``by_alpha``: a pixel is on where it is not transparent (bitmask regions); otherwise where its first
    channel is not 0 as well (the brush's ``maskDataURL``). Without transparency it is on where not black.

    Raises:
        BadPrompt: not such a PNG, of another size, with more than ``drawings.PNG_BYTES``, or empty.
    """
    return _of_png(data, width, height, lambda image: _shrunk(_opaque_strips(image, by_alpha), width, height))


def whole_png(data: bytes, width: int, height: int, *, by_alpha: bool) -> Mask:
    """The same at the picture's own size: HxW bool, which may be empty. Raises BadPrompt otherwise."""
    return _of_png(data, width, height, lambda image: np.concatenate([*_opaque_strips(image, by_alpha)]))


def _of_png(data: bytes, width: int, height: int, read: Callable[[Image.Image], T]) -> T:
    check_png(data, width, height)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return read(image)
    except BadPrompt:
        raise
    except Exception as error:  # a decoder fails in ways of its own on each kind of damage
        raise BadPrompt(f"the mask's PNG does not decode: {type(error).__name__}") from None


def from_polygon(points: NDArray[np.float64], width: int, height: int) -> Drawn:
    """A closed polygon, Nx2 fractions of a picture of ``width`` x ``height``.

    Raises:
        BadPrompt: the polygon has no area.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    if not (high > low).all():
        raise BadPrompt("the polygon has no area inside the image")
    columns, rows = _size(width, height)
    mask = filled(points * (columns, rows), columns, rows)
    return Drawn(np.concatenate([low, high]), mask.astype(np.float32))


def _strips(width: int, height: int) -> Iterator[slice]:
    """The rows of a picture, as many at a time as may be looked at together."""
    step = max(1, _STRIP // width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def _opaque_strips(image: Image.Image, by_alpha: bool) -> Iterator[Mask]:
    """The mask, strip by strip, because a picture that is converted whole takes several times its memory."""
    for rows in _strips(*image.size):
        yield _opaque(image.crop((0, rows.start, image.width, rows.stop)), by_alpha)


def _opaque(image: Image.Image, by_alpha: bool) -> Mask:
    if not image.has_transparency_data:
        on: Mask = np.asarray(image.convert("L")) != 0
        return on
    rgba = np.asarray(image.convert("RGBA"))
    on = rgba[..., 3] != 0
    return on if by_alpha else on & (rgba[..., 0] != 0)


def _shrunk(strips: Iterator[Mask], width: int, height: int) -> Drawn:
    """The area that is on, from the strips of a picture, from its top."""
    columns, rows = _size(width, height)
    across, down = np.zeros(width, np.bool_), np.zeros(height, np.bool_)
    # An average over an area can be taken in two steps, so that only the narrow picture is kept.
    narrow = np.zeros((height, columns), np.float32)
    top = 0
    for on in strips:
        place = slice(top, top + len(on))
        across |= on.any(axis=0)
        down[place] = on.any(axis=1)
        narrow[place] = cv2.resize(
            on.astype(np.float32), (columns, len(on)), interpolation=cv2.INTER_AREA
        ).reshape(len(on), columns)
        top += len(on)
    x, y = np.flatnonzero(across), np.flatnonzero(down)
    if not y.size:
        raise BadPrompt("the drawn mask is empty")
    box = np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], np.float64) / (width, height, width, height)
    mask = cv2.resize(narrow, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns)
    return Drawn(box, np.clip(mask, 0, 1))


def _size(width: int, height: int) -> tuple[int, int]:
    """(columns, rows) of a mask prompt; a picture that is already small keeps its size."""
    scale = min(1.0, LONG_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
