"""Marks, read from the items of ``context.result``: one for each thing that an annotator placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from protocol.bodies.json_text import TEXT_LIMIT, decode
from protocol.bodies.predict import Item
from protocol.item_fields import FLAG, NAMES, TEXT, Fields
from protocol.shapes import KINDS, VALUE_FIELDS, Shape, reader_of
from values.errors import BadPrompt, BadRequest
from values.one_line import shown
from values.options import SIDE_LIMIT, PixelLimit

_VALUE_FIELDS = (*VALUE_FIELDS, "positive", *sorted(f"{kind}labels" for kind in KINDS), "labels")
_ABSENT = msgspec.Raw(b"null")
# The decoder skips all other keys of a value, of which there may be thousands.
_VALUE: msgspec.json.Decoder[msgspec.Struct | None] = msgspec.json.Decoder(
    msgspec.defstruct("Value", [(name, msgspec.Raw, _ABSENT) for name in _VALUE_FIELDS]) | None
)
_IDENTITY: msgspec.json.Decoder[str | int | None] = msgspec.json.Decoder(str | int | None)
_ITEM_FIELDS = tuple(field for field in Item.__struct_fields__ if field != "type")


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A placed shape, with what the items of its region state about it.

    ``name``: what sentences call it. ``size``: (width, height) of the natural image. ``label``: its label, or
    None. ``controls``: names of its controls. ``is_positive``: False only for a negative click.
    """

    name: str
    shape: Shape
    is_positive: bool
    label: str | None
    controls: tuple[str, ...]
    to_name: str
    item_index: int | None
    size: tuple[int, int]
    image_rotation: int


def read_marks(items: Sequence[Item], limit: int, pixels: PixelLimit) -> list[Mark]:
    """The marks of ``items``, oldest first. Items that place nothing are skipped, but for those with labels.

    ``limit``: the most marks. ``pixels``: the most pixels of the picture that they are on.

    Raises:
        BadPrompt: a shape whose values cannot be used, or more than ``limit`` shapes.
        BadRequest: a number that does not fit a double.
    """
    regions: dict[object, list[tuple[str, Item]]] = {}
    for index, item in enumerate(items):
        if reader_of(item.type) is None and item.type.lower() != "labels":
            continue
        identity = _identity(item)
        named = f", id {shown(identity)}" if identity else ""
        name = f"item {index + 1} of context.result ({shown(item.type)}{named})"
        regions.setdefault(identity or (index,), []).append((name, item))
        if len(regions) > limit:
            raise BadPrompt(f"more than {limit} prompts in one request; accept or delete some first")
    marks = [read_mark(members, pixels) for members in regions.values()]
    return [mark for mark in marks if mark is not None]


def read_mark(members: Sequence[tuple[str, Item]], pixels: PixelLimit) -> Mark | None:
    """The mark of one region's items, each with its name for sentences; None where none has a geometry.

    The first item that has one gives it. Raises what ``read_marks`` raises.
    """
    if all(reader_of(item.type) is None for _, item in members):
        return None
    read = [(name, item, *_fields(name, item)) for name, item in members]
    placed = ((*each, reader) for each in read if (reader := reader_of(each[1].type)) is not None)
    name, _, fields, value, reader = next(placed)
    width, height = _size(fields, pixels)
    labels, controls, signs = _said(read)
    return Mark(
        name=name,
        shape=reader(value, width, height),
        is_positive=signs[0] if signs else True,
        label=labels[0] if labels else None,
        controls=tuple(controls),
        to_name=fields.get("to_name", TEXT) or "",
        item_index=fields.whole("item_index", None, 0, 1_000_000),
        size=(width, height),
        image_rotation=fields.whole("image_rotation", 0, -360, 360) or 0,
    )


def _said(read: list[tuple[str, Item, Fields, Fields]]) -> tuple[list[str], list[str], list[bool]]:
    """Labels, control names and signs that the items of one region state."""
    labels: list[str] = []
    controls: list[str] = []
    signs: list[bool] = []
    for _, item, fields, value in read:
        stated = value.get(item.type.lower(), NAMES) or value.get("labels", NAMES) or []
        if any(len(label) > TEXT_LIMIT for label in stated):
            raise value.problem("labels", f"has one of over {TEXT_LIMIT} characters")
        labels += [label for label in stated if label]
        control = fields.get("from_name", TEXT)
        if control:
            controls.append(control)
        for source, key in ((fields, "is_positive"), (value, "positive")):
            sign = source.get(key, FLAG)
            if sign is not None:
                signs.append(bool(sign))
    return labels, controls, signs


def _fields(name: str, item: Item) -> tuple[Fields, Fields]:
    """The item's own fields, and those of its value."""
    fields = Fields(name, {field: getattr(item, field) for field in _ITEM_FIELDS})
    value = fields.get("value", _VALUE)
    return fields, Fields(name, {} if value is None else _given(value, _VALUE_FIELDS), "value.")


def _given(struct: msgspec.Struct, names: tuple[str, ...]) -> dict[str, msgspec.Raw]:
    return {name: raw for name in names if (raw := getattr(struct, name)) is not _ABSENT}


def _identity(item: Item) -> str | None:
    try:
        identity = decode(item.id, _IDENTITY, "id")
    except BadRequest:  # an id of a strange type identifies nothing, and nothing depends on it
        return None
    return None if identity is None else str(identity)


def _size(fields: Fields, pixels: PixelLimit) -> tuple[int, int]:
    width = fields.whole("original_width", None, 1, SIDE_LIMIT)
    height = fields.whole("original_height", None, 1, SIDE_LIMIT)
    if width is None or height is None:
        raise fields.problem("original_width" if width is None else "original_height", "is missing")
    if width * height > pixels.max_pixels:
        most = f"{pixels.max_image_megapixels:g} megapixels (MAX_IMAGE_MEGAPIXELS)"
        raise fields.problem("original_width", f"x original_height is {width} x {height}, over {most}")
    return width, height
