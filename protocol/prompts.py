"""Label Studio's context items -> prompts in pixels.

Coordinates of an item are percent of the natural, unrotated image (``image_rotation`` only turns the view).
Label Studio repeats a region once for every control it belongs to, under one id: that is one prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from protocol.bodies import Item
from protocol.drawn import Drawn
from protocol.marks import Mark, read_marks
from protocol.shapes import Area, Point
from values.errors import BadPrompt
from values.prompt import Prompt

MultiBox = Literal["last", "each"]

PROMPT_LIMIT = 1000
"""Prompts in one request."""

_MASK_LIMIT = 16


@dataclass(frozen=True, slots=True)
class Pointed:
    """What one request points at.

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


def read_prompts(items: Sequence[Item], multi_box: MultiBox = "last") -> list[Prompt]:
    """The prompts in ``items``; see :func:`read_pointed`."""
    pointed = read_pointed(items, multi_box)
    return [] if pointed is None else list(pointed.prompts)


def read_pointed(items: Sequence[Item], multi_box: MultiBox = "last") -> Pointed | None:
    """Read ``context.result``, oldest first. None when nothing in it points at a place.

    Points are clamped to the image and keep their fraction of a pixel. A point without ``is_positive`` is
    positive. Rectangles (also rotated), ellipses, polygons and drawn masks each give a box, the latter two a
    mask prompt as well. ``multi_box="last"``: the newest of them and all points make one prompt. ``"each"``:
    one prompt for each, with the points inside its box; the newest also takes the points that are inside
    none.

    Items of other kinds (choices, text, relations) are skipped. When items lie on different images, those on
    the image of the newest one count. Only negative points ask for no mask.

    Raises:
        BadPrompt: an item of a known kind has a value that cannot be used, or there are too many items; the
            sentence names the item and the field.
        BadRequest: a number that does not fit a double.
    """
    marks = read_marks(items, PROMPT_LIMIT)
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
    prompts = tuple(_prompts(here, multi_box))
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
    """The label of each prompt: where each area has a prompt of its own, the area's."""
    areas = [mark for mark in marks if isinstance(mark.shape, Area)]
    return tuple(mark.label or newest for mark in areas) if prompts > 1 else (newest,) * prompts


def _prompts(marks: list[Mark], multi_box: MultiBox) -> list[Prompt]:
    clicks = [(mark.shape.xy, mark.is_positive) for mark in marks if isinstance(mark.shape, Point)]
    points = np.array([xy for xy, _ in clicks], np.float32).reshape(-1, 2)
    labels = np.array([positive for _, positive in clicks], np.int32)
    areas = [(mark.name, mark.shape) for mark in marks if isinstance(mark.shape, Area)]
    if not areas:
        return [Prompt(points, labels)] if labels.any() else []
    if multi_box == "last":
        drawn = _read(*areas[-1])
        return [Prompt(points, labels, drawn.box, drawn.mask)]
    if sum(area.has_mask for _, area in areas) > _MASK_LIMIT:
        raise BadPrompt(f"more than {_MASK_LIMIT} drawn masks in one request; send fewer at a time")
    boxes = [_read(name, area) for name, area in areas]
    inside = [((points >= drawn.box[:2]) & (points <= drawn.box[2:])).all(axis=1) for drawn in boxes]
    inside[-1] |= ~np.any(inside, axis=0)
    return [
        Prompt(points[mine], labels[mine], drawn.box, drawn.mask)
        for drawn, mine in zip(boxes, inside, strict=True)
    ]


def _read(name: str, area: Area) -> Drawn:
    try:
        return area.read()
    except BadPrompt as error:
        raise BadPrompt(f"{name}: {error.detail}") from None
