"""The picture of docs/projects.md: a photograph, and everything that the model without weights finds in it.

python -m benchmarks.classical.everything docs/everything.jpg
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.classical.drawing import write
from benchmarks.everything import DEFAULTS, encoded, measure, model_of, pictures
from segmenters.model_names import CLASSICAL

Mask = NDArray[np.bool_]

_PHOTOGRAPH = "coins"
_POINTS = 8  # along each side: its coins are as large as that
_TIMES = 1.4  # as large as the photograph
_GAP = 12  # pixels between the two halves
_SHARE = 0.55  # of the colour of a mask
_WHITE = (255, 255, 255)


def masks_of(rgb: NDArray[np.uint8], points: int) -> list[Mask]:
    """The masks of a grid, HxW bool, the best first."""
    height, width = rgb.shape[:2]
    segmenter = model_of(CLASSICAL, Path())
    _, generator = measure(segmenter, encoded(segmenter, rgb), _PHOTOGRAPH, points, DEFAULTS)
    return [each.mask(width, height) for each in generator.masks]


def picture(rgb: NDArray[np.uint8], masks: Sequence[Mask]) -> NDArray[np.uint8]:
    """BGR: the photograph on the left; on the right each mask in a colour of its own, small ones on top."""
    left = cv2.resize(rgb[..., ::-1], None, fx=_TIMES, fy=_TIMES, interpolation=cv2.INTER_CUBIC)
    right, (height, width) = left.copy(), left.shape[:2]
    for number, small in enumerate(sorted(masks, key=np.count_nonzero, reverse=True)):
        large = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        mask = large > 0.5
        right[mask] = (right[mask] * (1 - _SHARE) + _color(number) * _SHARE).astype(np.uint8)
        lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(right, lines, -1, _WHITE, 1, cv2.LINE_AA)
    gap = np.full((left.shape[0], _GAP, 3), 255, np.uint8)
    return np.asarray(np.hstack([left, gap, right]), np.uint8)


def _color(number: int) -> NDArray[np.float64]:
    """BGR of colours that neighbours in the list do not share: steps of the golden angle through the hues."""
    hue = np.array([[[round(number * 137.5) % 360 // 2, 220, 255]]], np.uint8)
    return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0], np.float64)


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description="A photograph, and everything that is found in it.")
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    rgb = pictures([_PHOTOGRAPH])[_PHOTOGRAPH]
    write(file, picture(rgb, masks_of(rgb, _POINTS)))


if __name__ == "__main__":
    main()
