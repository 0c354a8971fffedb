"""The picture in docs/models.md: six things of the reported set, each clicked once.

    python -m benchmarks.classical.six docs/classical.jpg

The thing is outlined in green, the answer in magenta. Of each kind it is the thing with the median IoU.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.bar import Bar
from benchmarks.classical.clicking import annotator_of
from benchmarks.classical.drawing import around, outlined, write
from benchmarks.classical.things import Thing, show, things
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from segmenters.registry import choose
from testing.pointing import iou

KINDS = ("shaded", "textured", "large", "dull on busy", "small", "touching")
"""Three kinds that one click finds, and three that it often does not."""

_SIDE = 280  # pixels of each
_LINE = 28  # pixels of the words below
_COLUMNS = 3


def clicked_once(thing: Thing) -> tuple[float, NDArray[np.uint8]]:
    """The IoU, and a drawing with words below: HxWx3 BGR."""
    _, rgb, truth = show(thing)
    annotator = annotator_of(choose(ModelOptions(model=CLASSICAL)).segmenter, rgb, truth)
    annotator.click()
    [mask] = annotator.masks
    found = iou(mask, truth)
    tile = np.full((_SIDE + _LINE, _SIDE, 3), 255, np.uint8)
    drawn = outlined(rgb, truth, mask, annotator.clicks, around(truth | mask), _SIDE)
    height, width = drawn.shape[:2]
    top, left = (_SIDE - height) // 2, (_SIDE - width) // 2
    tile[top : top + height, left : left + width] = drawn
    words, black = f"{thing.kind}: IoU {found:.2f}", (0, 0, 0)
    cv2.putText(tile, words, (4, _SIDE + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, black, 1, cv2.LINE_AA)
    return found, tile


def median(kind: str) -> NDArray[np.uint8]:
    """The drawing of the thing of a kind that half of the others are better than."""
    drawn = sorted((clicked_once(each) for each in things(("reported",), (kind,))), key=lambda each: each[0])
    return drawn[len(drawn) // 2][1]


def main() -> None:
    """Draw all six."""
    parser = argparse.ArgumentParser(description="Six things clicked once, as a picture.")
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    tiles = []
    with Bar(len(KINDS)) as bar:
        for kind in KINDS:
            bar.begin(kind)
            tiles.append(median(kind))
            bar.advance(1)
    rows = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, len(tiles), _COLUMNS)]
    write(file, np.vstack(rows))


if __name__ == "__main__":
    main()
