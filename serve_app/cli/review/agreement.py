"""How far an annotated region and what a model makes of its box and its middle agree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from exports.middles import deepest
from exports.regions import Region, Regions
from exports.run_lengths import Box, Mask

_BOX = "rectangle"


def question(region: Region) -> list[msgspec.Raw]:
    """Results that ask for a region's mask as `/preannotate` reads them: its box, and a click inside.

    The click has the region's id, and is on its deepest point.
    They have no labels: any control for masks may take the answer, which nobody stores.
    """
    width, height = region.size
    left, top, right, bottom = region.shape.box
    mask = region.shape.runs.mask()
    x0, y0, x1, y1 = (int(edge) for edge in region.shape.runs.box)
    _, (column, row) = deepest(mask[y0:y1, x0:x1])
    about = {
        "id": region.id,
        "to_name": region.image,
        "original_width": width,
        "original_height": height,
        "item_index": region.item,
    }
    box = {
        "x": 100 * left / width,
        "y": 100 * top / height,
        "width": 100 * (right - left) / width,
        "height": 100 * (bottom - top) / height,
    }
    middle = {"x": 100 * (x0 + column + 0.5) / width, "y": 100 * (y0 + row + 0.5) / height}
    return [_raw({**about, "type": _BOX, "value": box}), _raw({**about, "type": "keypoint", "value": middle})]


def agreement(region: Region, answer: Sequence[msgspec.Raw]) -> float:
    """The IoU of a region with the results that are its answer, 0..1; 0 for an answer of nothing.

    Of a rectangle, and of an answer in rectangles, the boxes are compared: neither follows a border.
    """
    found = [each for each in Regions(0, answer) if each.size == region.size]
    if not found:
        return 0.0
    if region.shape.kind == _BOX or any(each.shape.kind == _BOX for each in found):
        return _iou_of_boxes(region.shape.box, _around([each.shape.box for each in found]))
    truth, answered = region.shape.runs.mask(), np.zeros(region.size[::-1], np.bool_)
    for each in found:
        answered |= each.shape.runs.mask()
    return _iou(truth, answered)


def _iou(a: Mask, b: Mask) -> float:
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def _iou_of_boxes(a: Box, b: Box) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    if across <= 0 or down <= 0:
        return 0.0
    union = sum((each[2] - each[0]) * (each[3] - each[1]) for each in (a, b)) - across * down
    return across * down / union


def _around(boxes: Sequence[Box]) -> Box:
    edges = np.array(boxes)
    (left, top), (right, bottom) = edges[:, :2].min(axis=0).tolist(), edges[:, 2:].max(axis=0).tolist()
    return left, top, right, bottom


def _raw(result: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(result).encode())
