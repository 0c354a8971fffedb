"""What a context item's value draws: a point, a box, or a mask, in pixels of the natural image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol import drawn
from protocol.drawn import Drawn
from protocol.fields import BYTES, POINTS, TEXT, Fields


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A click. ``xy``: (2,) float32, x and y."""

    xy: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A box or a mask. ``read`` decodes it, late because few areas are ever used; it may raise BadPrompt.

    ``has_mask``: whether reading it allocates a mask of the natural image's size.
    """

    read: Callable[[], Drawn]
    has_mask: bool = True


Shape = Point | Area


def keypoint(value: Fields, width: int, height: int) -> Point:
    """A point, clamped to lie on a pixel: 0 <= x < width."""
    size = np.array([width, height], np.float32)
    point = _pixels(value.number("x"), value.number("y"), width, height).astype(np.float32)
    return Point(np.clip(point, 0, np.nextafter(size, np.float32(0))))


def rectangle(value: Fields, width: int, height: int) -> Area:
    """The axis-aligned box of a rectangle, which may be turned clockwise about its top-left corner."""
    corner = _pixels(value.number("x"), value.number("y"), width, height)
    across, down = _pixels(value.number("width"), value.number("height"), width, height)
    turn = math.radians(value.number("rotation", 0))
    u = across * np.array([math.cos(turn), math.sin(turn)])
    v = down * np.array([-math.sin(turn), math.cos(turn)])
    return _box(np.stack([corner, corner + u, corner + v, corner + u + v]), value, width, height)


def ellipse(value: Fields, width: int, height: int) -> Area:
    """The axis-aligned box of an ellipse turned clockwise about its centre."""
    centre = _pixels(value.number("x"), value.number("y"), width, height)
    rx, ry = _pixels(value.number("radiusX"), value.number("radiusY"), width, height)
    turn = math.radians(value.number("rotation", 0))
    cos, sin = math.cos(turn), math.sin(turn)
    reach = np.array([math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)])
    return _box(np.stack([centre - reach, centre + reach]), value, width, height)


def polygon(value: Fields, width: int, height: int) -> Area:
    """A polygon of at least three points, clamped to the image."""
    given = value.get("points", POINTS)
    if given is None or len(given) < 3:
        raise value.problem("points", "needs at least three points")
    percent = np.clip(np.array(given, np.float64), 0, 100)
    points = percent * (width / 100, height / 100)
    return Area(lambda: drawn.from_polygon(points, width, height))


def brush(value: Fields, width: int, height: int) -> Area:
    """A brush region: ``rle``, or the editor's other spelling of it, ``maskDataURL``."""
    rle = value.get("rle", BYTES)
    if rle is not None:
        data = bytes(rle)
        return Area(lambda: drawn.from_rle(data, width, height))
    url = value.get("maskDataURL", TEXT)
    if url is None:
        raise value.problem("rle", "is missing")
    return Area(lambda: drawn.from_png(url, width, height, by_alpha=False))


def bitmask(value: Fields, width: int, height: int) -> Area:
    """A bitmask region: a PNG that is opaque where the mask is on."""
    url = value.get("imageDataURL", TEXT)
    if url is None:
        raise value.problem("imageDataURL", "is missing")
    return Area(lambda: drawn.from_png(url, width, height, by_alpha=True))


_KINDS: dict[str, Callable[[Fields, int, int], Shape]] = {
    "keypoint": keypoint,
    "rectangle": rectangle,
    "ellipse": ellipse,
    "polygon": polygon,
    "brush": brush,
    "bitmask": bitmask,
}


def reader_of(kind: str) -> Callable[[Fields, int, int], Shape] | None:
    """The reader for an item's ``type``, such as "brush" or "brushlabels"; None for kinds without a shape."""
    return _KINDS.get(kind.lower().removesuffix("labels"))


def _pixels(x: float, y: float, width: int, height: int) -> NDArray[np.float64]:
    return np.array([x * width / 100, y * height / 100])


def _box(corners: NDArray[np.float64], value: Fields, width: int, height: int) -> Area:
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    clamped: NDArray[np.float32] = np.clip(box, 0, [width, height] * 2).astype(np.float32)
    if not (clamped[2:] > clamped[:2]).all():
        raise value.problem("width", "and height leave no area inside the image")
    return Area(lambda: Drawn(clamped), has_mask=False)
