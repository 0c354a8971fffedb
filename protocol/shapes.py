"""Shapes that a context item's value draws: a point, a box, or a mask, in fractions of the picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol import brush_rle
from protocol.drawings import Draw, Drawing, Drawn, Kind, check_png, png_bytes
from protocol.item_fields import BYTES, POINTS, TEXT, Fields


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A click. ``xy``: (2,) float64, x and y in 0..1."""

    xy: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A box or a mask.

    ``read`` decodes it with the function that reads drawings, and may raise BadPrompt. It is called late,
    because few areas are ever used. ``has_mask``: whether it has a mask. ``corners``: points of a polygon.
    ``outline``: gives its box alone, as ``Drawn.box`` has it, with little work; None where only ``read``
    tells.
    """

    read: Callable[[Draw], Drawn]
    has_mask: bool = True
    corners: int = 0
    outline: Callable[[], NDArray[np.float64] | None] | None = None


Shape = Point | Area

VALUE_FIELDS = (
    "x",
    "y",
    "width",
    "height",
    "rotation",
    "radiusX",
    "radiusY",
    "points",
    "rle",
    "maskDataURL",
    "imageDataURL",
)
"""The fields of an item's value that are read."""


def keypoint(value: Fields, width: int, height: int) -> Point:
    """A point, clamped to the picture."""
    return Point(np.clip(_place(value), 0, 1))


def rectangle(value: Fields, width: int, height: int) -> Area:
    """The axis-aligned box of a rectangle, which may be turned clockwise about its top-left corner."""
    corner = _place(value)
    across, down = value.number("width") / 100, value.number("height") / 100
    cos, sin = _turn(value)
    # The rotation is one of pixels: one part of the width is width / height parts of the height.
    u = across * np.array([cos, sin * width / height])
    v = down * np.array([-sin * height / width, cos])
    return _box(np.stack([corner, corner + u, corner + v, corner + u + v]), value)


def ellipse(value: Fields, width: int, height: int) -> Area:
    """The axis-aligned box of an ellipse turned clockwise about its centre."""
    centre = _place(value)
    rx, ry = value.number("radiusX") / 100, value.number("radiusY") / 100
    cos, sin = _turn(value)
    reach = np.array(
        [math.hypot(rx * cos, ry * sin * height / width), math.hypot(rx * sin * width / height, ry * cos)]
    )
    return _box(np.stack([centre - reach, centre + reach]), value)


def polygon(value: Fields, width: int, height: int) -> Area:
    """A polygon of at least three points, clamped to the picture."""
    given = value.get("points", POINTS)
    if given is None or len(given) < 3:
        raise value.problem("points", "needs at least three points")
    points = np.clip(np.array(given, np.float64) / 100, 0, 1)
    drawing = Drawing("polygon", points.tobytes(), width, height)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return Area(lambda draw: draw(drawing), corners=len(points), outline=lambda: box)


def brush(value: Fields, width: int, height: int) -> Area:
    """A brush region: ``rle``, or the editor's other spelling of it, ``maskDataURL``."""
    rle = value.get("rle", BYTES)
    if rle is not None:
        drawing = Drawing("rle", bytes(rle), width, height)
        return Area(lambda draw: draw(drawing), outline=lambda: brush_rle.bounds(drawing.data, height, width))
    url = value.get("maskDataURL", TEXT)
    if url is None:
        raise value.problem("rle", "is missing")
    return _png("png", url, width, height)


def bitmask(value: Fields, width: int, height: int) -> Area:
    """A bitmask region: a PNG that is opaque where the mask is on."""
    url = value.get("imageDataURL", TEXT)
    if url is None:
        raise value.problem("imageDataURL", "is missing")
    return _png("opaque png", url, width, height)


def _png(kind: Kind, url: str, width: int, height: int) -> Area:
    def read(draw: Draw) -> Drawn:
        data = png_bytes(url)
        check_png(data, width, height)  # before it is sent anywhere
        return draw(Drawing(kind, data, width, height))

    return Area(read)


_KINDS: dict[str, Callable[[Fields, int, int], Shape]] = {
    "keypoint": keypoint,
    "rectangle": rectangle,
    "ellipse": ellipse,
    "polygon": polygon,
    "brush": brush,
    "bitmask": bitmask,
}


KINDS = frozenset(_KINDS)
"""Types of items that draw a shape; each is one with "labels" behind it as well."""


def reader_of(kind: str) -> Callable[[Fields, int, int], Shape] | None:
    """The reader for an item's ``type``, such as "brush" or "brushlabels"; None for kinds without a shape."""
    return _KINDS.get(kind.lower().removesuffix("labels"))


def _place(value: Fields) -> NDArray[np.float64]:
    return np.array([value.number("x"), value.number("y")]) / 100


def _turn(value: Fields) -> tuple[float, float]:
    """Cosine and sine of the rotation."""
    turn = math.radians(value.number("rotation", 0))
    return math.cos(turn), math.sin(turn)


def _box(corners: NDArray[np.float64], value: Fields) -> Area:
    box = np.clip(np.concatenate([corners.min(axis=0), corners.max(axis=0)]), 0, 1)
    if not (box[2:] > box[:2]).all():
        raise value.problem("width", "and height leave no area inside the image")
    return Area(lambda draw: Drawn(box), has_mask=False, outline=lambda: box)
