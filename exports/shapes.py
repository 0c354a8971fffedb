"""What a region draws, exactly as Label Studio shows it: a mask, and the outline of what was drawn as one.

Coordinates are percent of the picture as browsers show it. ``image_rotation`` turns the view only, and so
nothing here. What reaches over the picture's edges ends there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from exports.filling import Ring, ellipse_mask, ellipse_ring, polygon_mask
from exports.rings import clipped
from exports.run_lengths import Box, Mask, RunLengths
from protocol import brush_rle
from protocol.drawings import png_bytes
from protocol.item_fields import BYTES, POINTS, TEXT, Fields
from protocol.mask_prompts import whole_png
from protocol.polygons import Part, parts_of
from values.errors import BadPrompt

Kind = Literal["brush", "bitmask", "polygon", "rectangle", "ellipse"]
"""The type of a region, without "labels" behind it."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """An area of a picture. ``runs``: its mask, never empty.

    ``ring``: its outline inside the picture, None for a mask. ``box``: (x0, y0, x1, y1) in pixels, the
    outline's if it has one and else the outer edges of the outermost pixels. ``upright``: whether the outline
    is that box. ``crosses``: whether the outline crosses itself, so that not every reader fills it alike.
    """

    kind: Kind
    runs: RunLengths
    box: Box
    ring: Ring | None = None
    upright: bool = False
    crosses: bool = False

    def parts(self, tolerance: float) -> list[Part]:
        """Its parts: the outline as it was drawn, or those of the mask, traced.

        ``tolerance``: how far in pixels a traced ring may run from the mask's outline.
        """
        if self.ring is not None and not self.crosses:
            return [Part(self.ring)]
        return self._traced(tolerance)

    def traced(self, tolerance: float) -> list[Part]:
        """The same with holes of their own, also where an outline has them tied in."""
        if self.ring is None or len(np.unique(self.ring, axis=0)) == len(self.ring):
            return self.parts(tolerance)
        return self._traced(tolerance)

    def _traced(self, tolerance: float) -> list[Part]:
        # A thing of some pixels would lose its shape.
        fine = min(tolerance, math.sqrt(self.runs.area) / 50)
        if parts := parts_of(self.runs.mask(), fine):
            return parts
        left, top, right, bottom = self.runs.box  # too thin for an outline
        return [Part(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]))]


def brush(value: Fields, width: int, height: int) -> Shape:
    """A brush region: ``rle``, or the editor's other spelling of it, ``maskDataURL``."""
    rle = value.get("rle", BYTES)
    if rle is not None:
        return _of_mask("brush", brush_rle.decode(bytes(rle), height, width), value)
    url = value.get("maskDataURL", TEXT)
    if url is None:
        raise value.problem("rle", "is missing")
    return _of_mask("brush", whole_png(png_bytes(url), width, height, by_alpha=False), value)


def bitmask(value: Fields, width: int, height: int) -> Shape:
    """A bitmask region: a PNG that is opaque where the mask is on."""
    url = value.get("imageDataURL", TEXT)
    if url is None:
        raise value.problem("imageDataURL", "is missing")
    return _of_mask("bitmask", whole_png(png_bytes(url), width, height, by_alpha=True), value)


def polygon(value: Fields, width: int, height: int) -> Shape:
    """A polygon of at least three points."""
    points = value.get("points", POINTS)
    if points is None or len(points) < 3:
        raise value.problem("points", "needs at least three points")
    ring = np.array(points, np.float64) * (width / 100, height / 100)
    return _of_ring("polygon", ring, width, height, value)


def rectangle(value: Fields, width: int, height: int) -> Shape:
    """A rectangle, which may be turned clockwise about its top left corner."""
    corner = np.array([value.number("x") * width, value.number("y") * height]) / 100
    across, down = value.number("width") * width / 100, value.number("height") * height / 100
    turn = value.number("rotation", 0)
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    u, v = np.array([cos, sin]) * across, np.array([-sin, cos]) * down
    ring = np.stack([corner, corner + u, corner + u + v, corner + v])
    return _of_ring("rectangle", ring, width, height, value, upright=turn % 360 == 0)


def ellipse(value: Fields, width: int, height: int) -> Shape:
    """An ellipse turned clockwise about its centre."""
    centre = value.number("x") * width / 100, value.number("y") * height / 100
    radii = value.number("radiusX") * width / 100, value.number("radiusY") * height / 100
    if min(radii) <= 0:
        raise value.problem("radiusX", "and radiusY leave no area")
    turn = value.number("rotation", 0)
    mask = ellipse_mask(centre, radii, turn, width, height)
    return _outlined("ellipse", mask, clipped(ellipse_ring(centre, radii, turn), width, height), value)


def _of_ring(
    kind: Kind, ring: Ring, width: int, height: int, value: Fields, *, upright: bool = False
) -> Shape:
    inside = clipped(ring, width, height)
    if not len(inside):
        raise BadPrompt(f"{value.name} is outside of the picture")
    mask, is_simple = polygon_mask(inside, width, height)
    return replace(_outlined(kind, mask, inside, value), upright=upright, crosses=not is_simple)


def _outlined(kind: Kind, mask: Mask, ring: Ring, value: Fields) -> Shape:
    runs = _runs(mask, value)
    (left, top), (right, bottom) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
    return Shape(kind, runs, (left, top, right, bottom), ring)


def _of_mask(kind: Kind, mask: Mask, value: Fields) -> Shape:
    runs = _runs(mask, value)
    return Shape(kind, runs, runs.box)


def _runs(mask: Mask, value: Fields) -> RunLengths:
    if not mask.any():
        raise BadPrompt(f"{value.name} has no pixel inside the picture; delete it or draw it again")
    return RunLengths.of(mask)


READERS: dict[str, Callable[[Fields, int, int], Shape]] = {
    "brush": brush,
    "bitmask": bitmask,
    "polygon": polygon,
    "rectangle": rectangle,
    "ellipse": ellipse,
}
"""By a region's kind. Each raises BadPrompt for a value that draws nothing."""
