"""Mask prompts, made of masks that an annotator drew.

Every mask is read at the size that the browser shows, which the caller has bounded, and kept at most
``LONG_SIDE`` pixels long, more than any segmenter's mask input. Whatever the encoded data claims, reading
takes no more than the decoded picture itself, 4 bytes a pixel for a PNG and 1 for an RLE, and a strip of it.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protocol import brush_rle
from protocol.polygons import filled
from values.errors import BadPrompt

LONG_SIDE = 512
"""The long side of a mask prompt in pixels."""

_STRIP = 2**20  # pixels that are looked at together
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

PNG_BYTES = 192 * 2**20
"""Bytes of a PNG's pixels as they are decoded: one for each of a picture of one channel, four for others. Of
grey or of palette, as the editor's own masks could be, every picture that is allowed fits."""

_GREY, _PALETTE = 0, 3  # colour types of the PNG specification

Mask = NDArray[np.bool_]
Kind = Literal["rle", "png", "opaque png"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A drawn mask in its encoded form, of a picture of ``width`` x ``height``.

    ``kind``: the brush's RLE, the brush's PNG, or a bitmask's PNG, which is on where it is not transparent.
    """

    kind: Kind
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """An area of an image.

    ``box``: (4,) float64 x0, y0, x1, y1, the outer edges as fractions of the picture.
    ``mask``: HxW float32 in 0..1 over the whole picture, at most 512 pixels on the long side; None for a box.
    """

    box: NDArray[np.float64]
    mask: NDArray[np.float32] | None = None


Draw = Callable[[Drawing], Drawn]
"""A function that reads drawings: ``read``, or one that has a process do it, which can be ended."""


def read(drawing: Drawing) -> Drawn:
    """The area that was drawn. Raises BadPrompt for data that are damaged, of another size, or empty."""
    data, width, height = drawing.data, drawing.width, drawing.height
    if drawing.kind == "rle":
        return from_rle(data, width, height)
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
        BadPrompt: not such a PNG, of another size, with more than ``PNG_BYTES``, or empty.
    """
    check_png(data, width, height)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return _shrunk(_opaque_strips(image, by_alpha), width, height)
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


def check_png(data: bytes, width: int, height: int) -> None:
    """Raises BadPrompt where its header says that a PNG has another size, or would take too much memory."""
    claimed = (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    if claimed != (width, height):
        raise BadPrompt(
            f"the mask's PNG has {claimed[0]} x {claimed[1]} pixels, its image {width} x {height}"
        )
    if width * height * (1 if data[25] in (_GREY, _PALETTE) else 4) > PNG_BYTES:
        raise BadPrompt(
            f"the mask's PNG takes over {PNG_BYTES >> 20} MiB; send it grey or with a palette, or as an RLE"
        )


def png_bytes(url: str) -> bytes:
    """The PNG in a ``data:image/png;base64`` URL, of which nothing is decoded. Raises BadPrompt."""
    head, _, payload = url.partition(",")
    if not head.startswith("data:image/png") or not head.endswith(";base64"):
        raise BadPrompt('the mask is not a PNG in a data URL: it must begin with "data:image/png;base64,"')
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadPrompt("the mask's data URL is not base64") from None
    if len(data) < 33 or not data.startswith(_PNG_SIGNATURE):
        raise BadPrompt("the mask's data URL holds no PNG")
    return data


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
