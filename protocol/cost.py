"""The cost of reading a request, estimated from its size and items before anything of it is read.

A small body may hold much work: a drawn mask of 126 KiB has 89 megapixels. Estimates are milliseconds of one
CPU, rather too high than too low. They decide what an event loop may do itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from protocol.bodies.predict import Item, PredictBody
from protocol.shapes import reader_of

ON_LOOP_MS = 2.0
"""Work up to this an event loop does itself, because a thread costs .1 ms. Nothing may keep the loop for more
than 5 ms, on a slower machine either."""

_PLACED = frozenset({"keypoint", "rectangle", "ellipse"})
_PLACED_MS, _ITEM_MS = 0.03, 0.001
_ELEMENT_MS, _ATTRIBUTE_MS, _CHARACTER_MS = 0.004, 0.001, 3e-6
_VALUE_MS = 0.0005  # to look a task's image up
_LABEL_MS = 0.002  # to see whether another control has a label
_REGION_MS = 0.02  # to read what a stored region says besides its geometry


def click_ms(body: PredictBody) -> float:
    """The cost of ``protocol.click.read_click``. Infinity where a mask was drawn, which may cost anything."""
    if not body.items:
        return 0.0
    most = len(body.items) * _ITEM_MS
    return most if most > ON_LOOP_MS else most + config_ms(body.label_config) + _items_ms(body.items)


def boxes_ms(results: Sequence[bytes | memoryview], xml: str | None) -> float:
    """The cost of ``protocol.boxes.read_boxes``, which reads no drawn mask."""
    characters = sum(len(result) for result in results)
    return config_ms(xml) + len(results) * _PLACED_MS + characters * _CHARACTER_MS


def images_ms(body: PredictBody) -> float:
    """The cost of ``protocol.click.read_images``."""
    looked_up = len(body.tasks) * max(1, (body.label_config or "").count("<"))
    return config_ms(body.label_config) + looked_up * _VALUE_MS


def config_ms(xml: str | None) -> float:
    """The cost of ``protocol.label_config.parse`` for a config that is in no cache."""
    if xml is None:
        return 0.0
    return xml.count("<") * _ELEMENT_MS + xml.count("=") * _ATTRIBUTE_MS + len(xml) * _CHARACTER_MS


def warnings_ms(xml: str) -> float:
    """The cost of ``protocol.config_warnings.warnings``, which /setup answers with."""
    return config_ms(xml) + xml.count("<") * _LABEL_MS


def stored_ms(annotation: bytes | memoryview, xml: str | None) -> float:
    """The cost of reading a stored annotation, and of ``protocol.unaccepted.unaccepted`` for it."""
    return config_ms(xml) + bytes(annotation).count(b"{") * _REGION_MS + len(annotation) * _CHARACTER_MS


def _items_ms(items: Sequence[Item]) -> float:
    placed = 0
    for item in items:
        kind = item.type.lower().removesuffix("labels")
        if kind in _PLACED:
            placed += 1
        elif reader_of(kind) is not None:
            return math.inf
    return placed * _PLACED_MS
