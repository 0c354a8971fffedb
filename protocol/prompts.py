"""Prompts in fractions of the picture, read from Label Studio's context items.

Coordinates of an item are percent of the natural, unrotated image (``image_rotation`` only turns the view).
Label Studio repeats a region once for every control it belongs to, under one id, which makes one prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from protocol.bodies.predict import Item
from protocol.context_items import Mark, read_marks
from protocol.drawings import Draw, Drawn
from protocol.item_fields import CORNER_LIMIT
from protocol.shapes import Area, Point
from values.errors import BadPrompt
from values.options import PixelLimit
from values.prompt import Prompt

MultiBox = Literal["last", "each"]

PROMPT_LIMIT = 1000
"""Prompts in one request."""

_MASK_LIMIT = 16
_MASK_PIXELS = 4
"""Pixels of all drawn masks in one request, in pixels of the largest image."""

POINT_LIMIT = 64
"""Clicks for one mask, and a quarter of those for all masks of a request. A model takes two milliseconds for
each, once more for each answer that its answer builds on: a thousand clicks took 26 seconds and 200 MiB."""

EACH_LIMIT = 50
_EACH_PIXELS = 8
"""Masks that one request may ask for, and their pixels together, in pixels of the largest image: a decoder
takes some ten milliseconds for each, and a second for the pixels."""


@dataclass(frozen=True, slots=True)
class Pointed:
    """The prompts of one request and the image that they are on.

    ``prompts``: one for each mask that is asked for. ``width``, ``height``: natural size in pixels.
    ``to_name``, ``item_index``: which image. ``label``: the newest label, or None. ``labels``: one for each
    prompt, its own or else the newest.
    ``controls``: names of the controls the prompts came from.
    """

    prompts: tuple[Prompt, ...]
    width: int
    height: int
    image_rotation: int
    to_name: str
    item_index: int | None
    label: str | None
    controls: frozenset[str]
    labels: tuple[str | None, ...] = ()


def read_pointed(
    items: Sequence[Item],
    draw: Draw,
    multi_box: MultiBox = "last",
    pixels: PixelLimit | None = None,
) -> Pointed | None:
    """Read ``context.result``, oldest first. None when nothing in it points at a place.

    ``draw``: reads drawn masks. ``pixels``: the most that the image may have, by default that of the
    setting's default.

    Points and boxes become fractions of the image and are clamped to it. A point without ``is_positive`` is
    positive. Rectangles (also rotated), ellipses, polygons and drawn masks each give a box, the latter two a
    mask prompt as well. ``multi_box="last"``: the newest of them and all points make one prompt. ``"each"``:
    one prompt for each, with the points inside its box; the newest also takes the points that are inside
    none.

    Items of other kinds (choices, text, relations) are skipped. When items are on different images, those on
    the image of the newest one count. Only negative points ask for no mask.

    Raises:
        BadPrompt: an item of a known kind has a value that cannot be used, or there are too many items; the
            sentence names the item and the field.
        BadRequest: a number that does not fit a double.
    """
    pixels = pixels or PixelLimit()
    marks = read_marks(items, PROMPT_LIMIT, pixels)
    if not marks:
        return None
    newest = marks[-1]
    place = (newest.to_name, newest.item_index or 0)
    here = [mark for mark in marks if (mark.to_name, mark.item_index or 0) == place]
    for mark in here:
        if mark.size != newest.size:
            raise BadPrompt(
                f"{mark.name}: the image is {mark.size[0]} x {mark.size[1]} pixels there, "
                f"but {newest.size[0]} x {newest.size[1]} in {newest.name}"
            )
    labels = [mark.label for mark in here if mark.label]
    prompts = tuple(_prompts(here, multi_box, pixels, draw))
    return Pointed(
        prompts=prompts,
        width=newest.size[0],
        height=newest.size[1],
        image_rotation=newest.image_rotation,
        to_name=newest.to_name,
        item_index=newest.item_index,
        label=labels[-1] if labels else None,
        controls=frozenset(name for mark in here for name in mark.controls),
        labels=_labels(here, len(prompts), labels[-1] if labels else None),
    )


def _labels(marks: list[Mark], prompts: int, newest: str | None) -> tuple[str | None, ...]:
    """The label of each prompt: its area's own, or where all areas share one prompt the newest."""
    areas = [mark for mark in marks if isinstance(mark.shape, Area)]
    return tuple(mark.label or newest for mark in areas) if prompts > 1 else (newest,) * prompts


def _prompts(marks: list[Mark], multi_box: MultiBox, pixels: PixelLimit, draw: Draw) -> list[Prompt]:
    clicks = [(mark.shape.xy, mark.is_positive) for mark in marks if isinstance(mark.shape, Point)]
    points = np.array([xy for xy, _ in clicks], np.float64).reshape(-1, 2)
    labels = np.array([positive for _, positive in clicks], np.int32)
    if len(points) > POINT_LIMIT:
        raise BadPrompt(f"over {POINT_LIMIT} clicks for one mask; accept the region, and click for another")
    areas = [(mark.name, mark.shape) for mark in marks if isinstance(mark.shape, Area)]
    if not areas:
        return [Prompt(points, labels)] if labels.any() else []
    if multi_box == "last":
        areas = areas[-1:]
    width, height = marks[-1].size
    _check_work([area for _, area in areas], width * height, pixels)
    if multi_box == "last":
        newest = _read(*areas[-1], draw)
        return [Prompt(points, labels, newest.box, newest.mask)]
    most = min(EACH_LIMIT, max(1, _EACH_PIXELS * pixels.max_pixels // (width * height)))
    if len(areas) > most:
        raise BadPrompt(
            f"over {most} boxes in one request, each of which asks for a mask; send fewer at a time"
        )
    boxes = [_read(name, area, draw) for name, area in areas]
    inside = [((points >= each.box[:2]) & (points <= each.box[2:])).all(axis=1) for each in boxes]
    inside[-1] |= ~np.any(inside, axis=0)
    if sum(map(np.count_nonzero, inside)) > 4 * POINT_LIMIT:
        raise BadPrompt(f"over {4 * POINT_LIMIT} clicks in boxes that overlap; send fewer at a time")
    return [
        Prompt(points[mine], labels[mine], each.box, each.mask)
        for each, mine in zip(boxes, inside, strict=True)
    ]


def _check_work(areas: Sequence[Area], size: int, pixels: PixelLimit) -> None:
    """Raises BadPrompt when reading ``areas`` of an image of ``size`` pixels takes too long."""
    most = min(_MASK_LIMIT, max(1, _MASK_PIXELS * pixels.max_pixels // size))
    if sum(area.has_mask for area in areas) > most:
        raise BadPrompt(f"more than {most} drawn masks in one request; send fewer at a time")
    if sum(area.corners for area in areas) > CORNER_LIMIT:
        raise BadPrompt(f"more than {CORNER_LIMIT} points of polygons in one request; draw simpler ones")


def _read(name: str, area: Area, draw: Draw) -> Drawn:
    try:
        return area.read(draw)
    except BadPrompt as error:
        raise BadPrompt(f"{name}: {error.detail}") from None
