"""The images and prompts of the golden outputs, as pure functions in integer arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from values.prompt import Prompt

SIZES = {"land": (320, 200), "port": (180, 300), "big": (1400, 900)}  # name -> (width, height)


def image(name: str) -> NDArray[np.uint8]:
    """HxWx3 uint8 RGB: a gradient with a disc and a striped bar, and a little noise."""
    width, height = SIZES[name]
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    sx, sy = x * 1000 // width, y * 1000 // height
    rgb = np.stack([sx * 200 // 1000 + 20, sy * 180 // 1000 + 30, (sx + sy) * 60 // 1000 + 60], -1)
    disc = (sx - 380) ** 2 + (sy - 450) ** 2 < 220**2
    rgb[disc] = np.stack([200 - sy // 8, 60 + sx // 10, 50 + (sx * 7 + sy * 3) % 40], -1)[disc]
    bar = (abs(sx - 760) < 110) & (abs(sy - 560) < 300)
    rgb[bar] = np.stack([40 + (sx // 20 % 2) * 90, 150 - sx // 20, 190 - sy // 9], -1)[bar]
    noise = ((x * 7919 + y * 104729 + (x * y) * 31) % 17) - 8
    return np.asarray(np.clip(rgb + noise[..., None], 0, 255), np.uint8)


def prompts(name: str) -> dict[str, Prompt]:
    """The prompts of an image by name: a click, two of either sign, a box, a box with clicks."""
    box = np.array([0.16, 0.22, 0.61, 0.68])
    pair = Prompt(np.array([[0.38, 0.45], [0.76, 0.56]]), np.array([1, 0], np.int32))
    if name == "big":
        return {"pair": pair}
    return {
        "click": Prompt(np.array([[0.38, 0.45]]), np.array([1], np.int32)),
        "pair": pair,
        "box": Prompt(box=box),
        "box_clicks": Prompt(np.array([[0.40, 0.40], [0.56, 0.64]]), np.array([1, 0], np.int32), box),
    }
