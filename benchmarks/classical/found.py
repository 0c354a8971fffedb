"""The picture on the README's first screen: two objects in photographs, found by one box and by one click.

    python -m benchmarks.classical.found docs/found.jpg

What was found keeps its colours. Both are of the reported set (``testing.outlined``), and among the best of
it; what the segmenter does not find is in docs/models.md and docs/performance.md. Licences: NOTICE.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.classical.clicking import Mask, annotator_of
from benchmarks.classical.drawing import write
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from segmenters.registry import choose
from testing.outlined import Outlined, outlined
from testing.pointing import iou, tight_box

SHOWN = {"china: pagoda": "box", "flower: bloom": "click"}
"""The names of the objects, and what each is asked for with."""

_GAP = 12  # pixels between the two
_LINE = 44  # pixels of the words below
_WHITE, _BLACK, _MAGENTA = (255, 255, 255), (0, 0, 0), (255, 0, 255)
_DIMMED = 0.5  # brightness of what is not the object

_Bgr = NDArray[np.uint8]


class Found(NamedTuple):
    """``iou``: with the outline drawn by hand. ``tile``: HxWx3 BGR, the picture with words below."""

    iou: float
    tile: _Bgr


def found(thing: Outlined, asked: str) -> Found:
    """Ask for an object with its tight box or with one click."""
    annotator = annotator_of(choose(ModelOptions(model=CLASSICAL)).segmenter, thing.rgb, thing.truth)
    if asked == "box":
        mask = annotator.box()
    else:
        annotator.click()
        [mask] = annotator.masks
    picture = _only(thing.rgb, mask)
    if asked == "box":
        left, top, right, bottom = (int(value) for value in tight_box(thing.truth))
        cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), _WHITE, 2)
    for click in annotator.clicks:
        cv2.circle(picture, (click.x, click.y), 9, _MAGENTA, cv2.FILLED, cv2.LINE_AA)
        cv2.circle(picture, (click.x, click.y), 5, _WHITE, cv2.FILLED, cv2.LINE_AA)
    score = iou(mask, thing.truth)
    return Found(score, np.vstack([picture, _words(f"one {asked}: IoU {score:.2f}", picture.shape[1])]))


def all_found() -> list[Found]:
    """Every object that is shown, in order."""
    things = {thing.name: thing for thing in outlined("reported")}
    return [found(things[name], asked) for name, asked in SHOWN.items()]


def _only(rgb: NDArray[np.uint8], mask: Mask) -> _Bgr:
    """The object in its colours with an outline, and the rest dimmed and grey."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2BGR)
    drawn = np.where(mask[:, :, None], bgr, (grey * _DIMMED).astype(np.uint8))
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, lines, -1, _MAGENTA, 1, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)


def _words(text: str, width: int) -> _Bgr:
    line = np.full((_LINE, width, 3), 255, np.uint8)
    cv2.putText(line, text, (4, 31), cv2.FONT_HERSHEY_SIMPLEX, 0.9, _BLACK, 1, cv2.LINE_AA)
    return line


def main() -> None:
    """Draw them beside each other."""
    parser = argparse.ArgumentParser(
        description="Two objects in photographs, found by one box and one click."
    )
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    left, right = (each.tile for each in all_found())
    gap = np.full((left.shape[0], _GAP, 3), 255, np.uint8)
    write(file, np.hstack([left, gap, right]))


if __name__ == "__main__":
    main()
