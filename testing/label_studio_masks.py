"""Masks of scenes and of stored regions, and the prompts an annotator would give for them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from testing.brush_converter import decode_rle

Json = Any
Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]


def region_mask(region: Json) -> Mask:
    """HxW mask of a stored brush region, decoded by Label Studio's own SDK."""
    width, height = region["original_width"], region["original_height"]
    rgba = np.asarray(decode_rle(region["value"]["rle"]), np.uint8).reshape(height, width, 4)
    mask: Mask = rgba[..., 3] > 0
    return mask


def iou(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def deepest(mask: Mask) -> tuple[float, float]:
    """(x, y) in pixels of the place in ``mask`` that is farthest from its edge and from the picture's."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


def loose_box(mask: Mask) -> Box:
    """(x0, y0, x1, y1) in pixels: the tight box of ``mask``, drawn a little too large, as hands do."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0] - 3.0, rows[0] - 3.0, columns[-1] + 4.0, rows[-1] + 4.0


def keypoint(at: tuple[float, float], shape: tuple[int, int], label: str, *, positive: bool = True) -> Json:
    """A smart keypoint as Label Studio's editor sends it; ``shape`` is the image's (height, width)."""
    height, width = shape
    value = {"x": 100 * at[0] / width, "y": 100 * at[1] / height, "width": 0.2}
    return {
        **_item("keypointlabels", "point", shape),
        "value": {**value, "labels": [label], "keypointlabels": [label]},
        "is_positive": positive,
    }


def rectangle(box: Box, shape: tuple[int, int], label: str) -> Json:
    """A smart rectangle as Label Studio's editor sends it; ``shape`` is the image's (height, width)."""
    height, width = shape
    x0, y0, x1, y1 = box
    value = {
        "x": 100 * x0 / width,
        "y": 100 * y0 / height,
        "width": 100 * (x1 - x0) / width,
        "height": 100 * (y1 - y0) / height,
        "rotation": 0,
        "rectanglelabels": [label],
    }
    return {**_item("rectanglelabels", "box", shape), "value": value}


def _item(kind: str, control: str, shape: tuple[int, int]) -> Json:
    return {
        "original_width": shape[1],
        "original_height": shape[0],
        "image_rotation": 0,
        "id": f"prompt-{kind}",
        "from_name": control,
        "to_name": "image",
        "type": kind,
        "origin": "manual",
    }
