"""What `review --masks` says of things in photographs: outlined well, and spoilt as annotations are.

    python -m benchmarks.classical.second_look docs/second_look.jpg

Prints how far the model agrees with each, and draws one thing: the annotation in green, what the model makes
of its box and middle in magenta. The model is the one that needs no weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.bar import Bar
from benchmarks.classical.boxes import answers
from benchmarks.classical.clicking import Mask
from benchmarks.classical.drawing import outlined, write
from benchmarks.encoder.tables import Sheet, drawn
from exports.regions import Region, Regions
from protocol import brush_rle
from serve_app.cli.console import console
from serve_app.cli.review.agreement import question
from testing.photographs import photographs
from testing.pointing import iou

SHOWN = "coffee: cup opening"
_STROKE = 6  # pixels along a side
_SIDE = 420  # pixels of each drawing
_LINE = 28  # pixels of the words below
_GAP = 12


class Looked(NamedTuple):
    """A thing as it is annotated, and as the model has it. ``iou``: how far they agree."""

    annotated: Mask
    answer: Mask
    iou: float


def slipped(mask: Mask) -> Mask:
    """Moved by half its width, to where there is more room."""
    columns = np.flatnonzero(mask.any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    by = (right - left) // 2
    moved = np.zeros_like(mask)
    if mask.shape[1] - right >= left:
        moved[:, by:] = mask[:, :-by]
    else:
        moved[:, :-by] = mask[:, by:]
    return moved


def stroked(mask: Mask) -> Mask:
    """With a touch of the brush in the corner of the picture that is farthest away."""
    middle = [float(np.mean(np.flatnonzero(mask.any(axis=axis)))) for axis in (1, 0)]
    rows, columns = (
        slice(_STROKE) if at > length / 2 else slice(-_STROKE, None)
        for at, length in zip(middle, mask.shape, strict=True)
    )
    found = mask.copy()
    found[rows, columns] = True
    return found


ANNOTATED: Mapping[str, Callable[[Mask], Mask]] = {
    "as outlined": np.copy,
    "slipped by half its width": slipped,
    "with a touch of the brush in a corner": stroked,
}


def looked(rgb: NDArray[np.uint8], thing: Mask) -> list[Looked]:
    """Of each of ANNOTATED."""
    annotated = [spoil(thing) for spoil in ANNOTATED.values()]
    results = [
        json.loads(bytes(result))
        for number, mask in enumerate(annotated)
        for result in question(_region(mask, number))
    ]
    return [
        Looked(mask, answer, iou(mask, answer))
        for mask, answer in zip(annotated, answers(rgb, results), strict=True)
    ]


def _region(mask: Mask, number: int) -> Region:
    """As Label Studio has it, read as the command reads it."""
    height, width = mask.shape
    region = {
        "id": f"thing {number}",
        "from_name": "mask",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": width,
        "original_height": height,
        "value": {"format": "rle", "rle": brush_rle.encode(mask).tolist(), "brushlabels": ["Thing"]},
    }
    [found] = Regions(1, [msgspec.Raw(json.dumps(region).encode())])
    return found


def sheet(found: Mapping[str, list[Looked]]) -> Sheet:
    """A line for each of ANNOTATED. ``found``: of each thing by its name."""
    lines = []
    for way, each in zip(ANNOTATED, zip(*found.values(), strict=True), strict=True):
        ious = [one.iou for one in each]
        lines.append((way, *(f"{value:.2f}" for value in (fmean(ious), min(ious), max(ious)))))
    return Sheet(f"{len(found)} things", ("annotated", "mean IoU", "least", "most"), lines, 1)


def picture(rgb: NDArray[np.uint8], found: list[Looked]) -> NDArray[np.uint8]:
    """BGR: each of ANNOTATED beside the others, its words below."""
    everything = slice(0, rgb.shape[0]), slice(0, rgb.shape[1])
    tiles = []
    for way, each in zip(ANNOTATED, found, strict=True):
        tile = outlined(rgb, each.annotated, each.answer, (), everything, _SIDE)
        words = np.full((_LINE, tile.shape[1], 3), 255, np.uint8)
        text, black = f"{way}: {each.iou:.2f}", (0, 0, 0)
        cv2.putText(words, text, (2, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, black, 1, cv2.LINE_AA)
        gap = np.full((tile.shape[0] + _LINE, _GAP, 3), 255, np.uint8)
        tiles += [gap, np.vstack([tile, words])]
    return np.asarray(np.hstack(tiles[1:]), np.uint8)


def main() -> None:
    """Look at all, print and draw."""
    parser = argparse.ArgumentParser(description="How far annotations and the model agree, as a picture.")
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    things = [*photographs()]
    found: dict[str, list[Looked]] = {}
    with Bar(len(things)) as bar:
        for name, rgb, thing in things:
            bar.begin(name)
            found[name] = looked(rgb, thing)
            bar.advance(1)
            if name == SHOWN:
                write(file, picture(rgb, found[name]))
    console().print(drawn(sheet(found), ()))


if __name__ == "__main__":
    main()
