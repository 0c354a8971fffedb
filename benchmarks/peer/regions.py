"""What the SAM example reads from a request and what it writes for a mask."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
from label_studio_sdk.converter import brush
from numpy.typing import NDArray


def prompt(
    items: list[dict[str, Any]], width: int, height: int
) -> tuple[list[list[int]], list[int], list[int] | None, str]:
    """Points in whole pixels, 1 or 0 for each, the last box, the last label."""
    points, labels, box, label = [], [], None, ""
    for item in items:
        value, kind = item["value"], item["type"]
        x, y = value["x"] * width / 100, value["y"] * height / 100
        label = value[kind][0]
        if kind == "keypointlabels":
            points.append([int(x), int(y)])
            labels.append(int(item.get("is_positive", 0)))
        elif kind == "rectanglelabels":
            right, bottom = x + value["width"] * width / 100, y + value["height"] * height / 100
            box = [int(x), int(y), int(right), int(bottom)]
    return points, labels, box, label


def region(mask: NDArray[np.uint8], score: float, about: dict[str, Any], label: str) -> dict[str, Any]:
    """The brush region of a mask."""
    rle = brush.mask2rle(mask * 255)
    value = {"format": "rle", "rle": rle, "brushlabels": [label]}
    rest = {"score": score, "type": "brushlabels", "readonly": False, "image_rotation": 0}
    return {"id": str(uuid.uuid4())[:4], **about, **rest, "value": value}
