"""What an annotator draws on a picture, as Label Studio sends it and as the prompts that it stands for."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from protocol import brush_rle, mask_prompts
from testing.label_studio_masks import keypoint, rectangle
from testing.label_studio_requests import predict_body
from values.prompt import Prompt

Rgb = NDArray[np.uint8]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

# In fractions of the picture's sides.
_FIRST: Point = (0.38, 0.45)
_SECOND: Point = (0.46, 0.52)
_OUTSIDE: Point = (0.76, 0.56)
_LARGE: Box = (0.16, 0.22, 0.61, 0.68)
_SMALL: Box = (0.65, 0.26, 0.87, 0.86)


@dataclass(frozen=True, slots=True, eq=False)
class Gesture:
    """``items``: of ``context.result``. ``prompts``: one for each box, the clicks being with the last."""

    items: list[dict[str, Any]]
    prompts: tuple[Prompt, ...]

    def asked(self, multi_box: Literal["last", "each"]) -> tuple[Prompt, ...]:
        """The prompts that each ask for a mask under this setting."""
        return self.prompts if multi_box == "each" else self.prompts[-1:]


def gestures(width: int, height: int) -> dict[str, Gesture]:
    """Every kind of prompt that the protocol takes, by name."""
    page = _Page(width, height)
    return {
        "click": page.gesture(positive=[_FIRST]),
        "three_clicks": page.gesture(positive=[_FIRST, _SECOND], negative=[_OUTSIDE]),
        "box": page.gesture(boxes=[_LARGE]),
        "box_and_clicks": page.gesture(positive=[_FIRST], negative=[_OUTSIDE], boxes=[_LARGE]),
        "boxes": page.gesture(boxes=[_SMALL, _LARGE]),
        "brush": page.brushed(_FIRST, 0.15),
    }


def body(picture: bytes, gesture: Gesture) -> dict[str, Any]:
    """The request of a gesture on a picture, which is a PNG."""
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    return predict_body(url, context={"result": gesture.items})


def png(rgb: Rgb) -> bytes:
    """The picture as a lossless file."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG", compress_level=1)
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class _Page:
    width: int
    height: int

    def gesture(
        self, positive: Sequence[Point] = (), negative: Sequence[Point] = (), boxes: Sequence[Box] = ()
    ) -> Gesture:
        shape, (width, height) = (self.height, self.width), (self.width, self.height)
        points = np.array([*positive, *negative], np.float64).reshape(-1, 2)
        labels = np.array([1] * len(positive) + [0] * len(negative), np.int32)
        corners = np.array(boxes, np.float64).reshape(-1, 4)
        items = [
            keypoint((x * width, y * height), shape, "Object", positive=bool(label))
            for (x, y), label in zip(points.tolist(), labels, strict=True)
        ]
        items += [
            rectangle((a * width, b * height, c * width, d * height), shape, "Object")
            for a, b, c, d in corners.tolist()
        ]
        alone = [Prompt(box=box) for box in corners[:-1]]
        return Gesture(
            [{**item, "id": f"prompt-{number}"} for number, item in enumerate(items)],
            (*alone, Prompt(points, labels, corners[-1] if len(corners) else None)),
        )

    def brushed(self, at: Point, radius: float) -> Gesture:
        """A disc that was painted; ``radius``: in parts of the short side."""
        y, x = np.ogrid[: self.height, : self.width]
        apart = (x - at[0] * self.width) ** 2 + (y - at[1] * self.height) ** 2
        rle = brush_rle.encode(apart < (radius * min(self.width, self.height)) ** 2)
        item = {
            "id": "prompt-brush",
            "type": "brushlabels",
            "from_name": "prompt",
            "to_name": "image",
            "original_width": self.width,
            "original_height": self.height,
            "image_rotation": 0,
            "value": {"format": "rle", "rle": rle.tolist(), "brushlabels": ["Object"]},
        }
        found = mask_prompts.from_rle(rle.tobytes(), self.width, self.height)
        return Gesture([item], (Prompt(box=found.box, mask=found.mask),))
