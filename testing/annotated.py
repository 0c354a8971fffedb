"""Annotations with known truth: a region of each kind as Label Studio stores it, and the mask that it shows.

Truths of outlines are drawn by OpenCV at eight times the size, so that they owe nothing to what is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from protocol import bitmask, brush_rle

Json = Any
Mask = NDArray[np.bool_]

WIDTH, HEIGHT = 320, 200
_FINE = 8

LABEL_CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<KeyPointLabels name="point" toName="image" smart="true"><Label value="Cat"/><Label value="Dog"/>'
    '<Label value="Bird"/><Label value="Tail"/></KeyPointLabels>'
    '<BrushLabels name="brush" toName="image"><Label value="Dog"/><Label value="Cat"/></BrushLabels>'
    '<BitmaskLabels name="bitmask" toName="image"><Label value="Dog"/><Label value="Cat"/></BitmaskLabels>'
    '<PolygonLabels name="polygon" toName="image"><Label value="Cat"/><Label value="Bird"/></PolygonLabels>'
    '<RectangleLabels name="box" toName="image"><Label value="Cat"/></RectangleLabels>'
    '<EllipseLabels name="ellipse" toName="image"><Label value="Cat"/></EllipseLabels></View>'
)
CLASSES = ["Dog", "Cat", "Bird"]
"""Of this config, in its order."""


@dataclass(frozen=True)
class Known:
    """A region as the API shows it, and its mask."""

    region: Json
    truth: Mask


def region(kind: str, value: Json, label: str | None = "Cat", **fields: Json) -> Json:
    """A region on a picture of ``WIDTH`` x ``HEIGHT``."""
    control = {"rectangle": "box"}.get(kind, kind)
    labels = {} if label is None else {f"{kind}labels": [label]}
    return {
        "id": f"{kind}-1",
        "from_name": control,
        "to_name": "image",
        "type": f"{kind}labels",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": {**value, **labels},
        "origin": "manual",
        **fields,
    }


def ring_and_spot() -> Mask:
    """A thick ring, whose hole has to stay one, and a spot apart from it, which is the same object."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (110, 100), (80, 60), 20, 0, 360, (1,), -1)
    cv2.ellipse(mask, (120, 105), (35, 25), 20, 0, 360, (0,), -1)
    cv2.circle(mask, (260, 60), 30, (1,), -1)
    return mask.astype(np.bool_)


def brush(label: str | None = "Cat", **fields: Json) -> Known:
    """The ring and the spot, as a brush region."""
    mask = ring_and_spot()
    value = {"format": "rle", "rle": brush_rle.encode(mask).tolist()}
    return Known(region("brush", value, label, **fields), mask)


def bitmask_region(label: str | None = "Dog", **fields: Json) -> Known:
    """The same, as a bitmask region."""
    mask = ring_and_spot()
    return Known(region("bitmask", {"imageDataURL": bitmask.data_url(mask)}, label, **fields), mask)


def polygon(label: str | None = "Bird", **fields: Json) -> Known:
    """A star of two squares that crosses nothing."""
    points = np.array(
        [(40.5, 30.25), (150, 55), (280.75, 20), (250, 120), (300, 180.5), (160, 140), (30, 190)]
    )
    value = {"points": (points * (100 / WIDTH, 100 / HEIGHT)).tolist(), "closed": True}
    return Known(region("polygon", value, label, **fields), drawn(points))


def rectangle(rotation: float = 0, label: str | None = "Cat", **fields: Json) -> Known:
    """A rectangle turned clockwise about its top left corner."""
    x, y, width, height = 130.0, 40.0, 120.75, 70.25
    turn = np.radians(rotation)
    u, v = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corner = np.array([x, y])
    points = np.array([corner, corner + width * u, corner + width * u + height * v, corner + height * v])
    value = {
        "x": x / WIDTH * 100,
        "y": y / HEIGHT * 100,
        "width": width / WIDTH * 100,
        "height": height / HEIGHT * 100,
        "rotation": rotation,
    }
    return Known(region("rectangle", value, label, **fields), drawn(points))


def ellipse(rotation: float = 0, label: str | None = "Cat", **fields: Json) -> Known:
    """An ellipse turned clockwise about its centre."""
    x, y, rx, ry = 160.0, 100.0, 90.0, 40.0
    turns, turn = np.linspace(0, 2 * np.pi, 3600), np.radians(rotation)
    along, against = rx * np.cos(turns), ry * np.sin(turns)
    points = np.stack(
        [
            x + along * np.cos(turn) - against * np.sin(turn),
            y + along * np.sin(turn) + against * np.cos(turn),
        ],
        axis=1,
    )
    value = {
        "x": x / WIDTH * 100,
        "y": y / HEIGHT * 100,
        "radiusX": rx / WIDTH * 100,
        "radiusY": ry / HEIGHT * 100,
        "rotation": rotation,
    }
    return Known(region("ellipse", value, label, **fields), drawn(points))


EACH_KIND: dict[str, Callable[[], Known]] = {
    "brush": brush,
    "bitmask": bitmask_region,
    "polygon": polygon,
    "rectangle": rectangle,
    "turned rectangle": lambda: rectangle(33),
    "ellipse": ellipse,
    "turned ellipse": lambda: ellipse(-50),
}


def drawn(points: NDArray[np.float64], width: int = WIDTH, height: int = HEIGHT) -> Mask:
    """The pixels of which at least half is inside a polygon, Nx2 in pixels."""
    fine = np.zeros((height * _FINE, width * _FINE), np.uint8)
    # fillPoly takes the centres of fine pixels, in 1/256.
    cv2.fillPoly(fine, [np.round((points * _FINE - 0.5) * 256).astype(np.int32)], (1,), shift=8)
    share = fine.reshape(height, _FINE, width, _FINE).mean(axis=(1, 3))
    mask: Mask = share >= 0.5
    return mask


def annotation(*regions: Json, number: int = 1, **fields: Json) -> Json:
    """An annotation as the API shows it."""
    return {
        "id": number,
        "result": list(regions),
        "was_cancelled": False,
        "ground_truth": False,
        "updated_at": f"2026-01-01T00:00:{number % 60:02}Z",
        "last_action": "submitted",
        **fields,
    }
