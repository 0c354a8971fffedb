"""Images for tests, made by Pillow."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from values.image import ModelSize

SMALL = ModelSize(side=32)


def quarters(width: int = 40, height: int = 20) -> Image.Image:
    """Red, green over blue, yellow: every orientation looks different."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 0)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def data_url(rgb: NDArray[np.uint8]) -> str:
    """HxWx3 pixels as a PNG in a data: URL."""
    return f"data:image/png;base64,{base64.b64encode(encoded(Image.fromarray(rgb))).decode()}"


def corners(rgb: NDArray[np.generic]) -> list[tuple[int, ...]]:
    """The colours near the four corners (top left, top right, bottom left, bottom right), each 0 or 255."""
    height, width = rgb.shape[:2]
    places = [(y, x) for y in (height // 8, -1 - height // 8) for x in (width // 8, -1 - width // 8)]
    return [tuple(255 if value > 127 else 0 for value in rgb[place]) for place in places]
