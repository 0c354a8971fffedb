"""The picture of docs/projects.md: the boxes of one task, and the masks that `preannotate` makes of them.

    python -m benchmarks.classical.boxes docs/projects.jpg

The boxes are some pixels too large, as hands draw them. They are read and decoded as the application does it,
with the model that needs no weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.classical.drawing import write
from protocol.bodies.annotated import read_annotated
from protocol.bodies.predict import read_predict
from protocol.boxes import box_results, read_boxes
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from segmenters.candidates import ranked
from segmenters.model_names import CLASSICAL
from segmenters.options import ModelOptions
from segmenters.registry import choose
from segmenters.resample import to_mask
from testing.photographs import photographs
from testing.pointing import shown

Box = tuple[int, int, int, int]
Mask = NDArray[np.bool_]

COINS: tuple[Box, ...] = (
    (304, 14, 63, 60), (130, 26, 51, 50), (190, 29, 51, 45), (20, 34, 49, 42), (253, 32, 46, 42),
    (79, 37, 43, 39), (243, 93, 54, 53), (23, 102, 46, 45), (184, 104, 44, 42), (315, 104, 43, 43),
    (82, 106, 42, 41), (132, 108, 43, 39), (314, 154, 68, 65), (187, 168, 52, 51), (249, 170, 50, 49),
    (78, 173, 48, 46), (24, 177, 41, 42), (133, 177, 43, 42), (16, 231, 61, 59), (142, 234, 61, 56),
    (274, 237, 54, 54), (218, 238, 54, 52), (91, 243, 47, 46), (334, 246, 50, 45),
)  # fmt: skip
"""(left, top, width, height) in pixels of scikit-image's coins."""

_CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="Coin"/></RectangleLabels>'
    '<BrushLabels name="mask" toName="image"><Label value="Coin"/></BrushLabels></View>'
)
_TIMES = 1.4  # as large as the photograph
_GAP = 12  # pixels between the two halves
_WHITE, _COLOR = (255, 255, 255), (255, 120, 0)


def masks_of(rgb: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Mask]:
    """The mask of each box, HxW bool."""
    return answers(rgb, _regions(boxes, rgb.shape[1], rgb.shape[0]))


def answers(rgb: NDArray[np.uint8], results: Sequence[object]) -> list[Mask]:
    """The mask of each box among the results of an annotation in Label Studio's JSON, HxW bool."""
    body = json.dumps(_request(results)).encode()
    about, [task] = read_predict(body), read_annotated(body, "the request")
    segmenter = choose(ModelOptions(model=CLASSICAL)).segmenter
    [embedding] = segmenter.load_encoder(2).encode([shown(segmenter, rgb)])
    decoder = segmenter.load_decoder(2)
    found = []
    for part in read_boxes(about, task, box_results(task, segmenter.version), ReadOptions()).images:
        click, _, _ = part.click(draw)
        for prompt in click.prompts if click else ():
            masks = decoder.decode(embedding, prompt)
            found.append(to_mask(ranked(masks)[0][0], masks.frame, rgb.shape[1], rgb.shape[0]))
    return found


def picture(rgb: NDArray[np.uint8], boxes: Sequence[Box], masks: Sequence[Mask]) -> NDArray[np.uint8]:
    """BGR: the boxes on the left, the masks on the right."""
    large = cv2.resize(rgb[..., ::-1], None, fx=_TIMES, fy=_TIMES, interpolation=cv2.INTER_CUBIC)
    left, right = large.copy(), large.copy()
    for x, y, width, height in boxes:
        edges = (np.array([x, y, x + width, y + height]) * _TIMES).round().astype(int).tolist()
        cv2.rectangle(left, edges[:2], edges[2:], _COLOR, 2)
    for mask in masks:
        on = cv2.resize(
            mask.astype(np.uint8), (large.shape[1], large.shape[0]), interpolation=cv2.INTER_LINEAR
        )
        right[on > 0] = (right[on > 0] * 0.55 + np.array(_COLOR) * 0.45).astype(np.uint8)
        lines, _ = cv2.findContours(on, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(right, lines, -1, _WHITE, 1, cv2.LINE_AA)
    gap = np.full((large.shape[0], _GAP, 3), 255, np.uint8)
    return np.asarray(np.hstack([left, gap, right]), np.uint8)


def _regions(boxes: Sequence[Box], width: int, height: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"coin {number}",
            "from_name": "box",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": width,
            "original_height": height,
            "value": {
                "x": x / width * 100,
                "y": y / height * 100,
                "width": across / width * 100,
                "height": down / height * 100,
                "rectanglelabels": ["Coin"],
            },
        }
        for number, (x, y, across, down) in enumerate(boxes)
    ]


def _request(results: Sequence[object]) -> dict[str, object]:
    """As Label Studio has it of one task with such an annotation."""
    task = {"id": 1, "data": {"image": "coins.png"}, "annotations": [{"id": 1, "result": results}]}
    return {"tasks": [task], "project": "1", "label_config": _CONFIG}


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description="The boxes of one task, and the masks made of them.")
    parser.add_argument("file", type=Path)
    file: Path = parser.parse_args().file
    rgb = next(rgb for name, rgb, _ in photographs() if name.startswith("coins"))
    write(file, picture(rgb, COINS, masks_of(rgb, COINS)))


if __name__ == "__main__":
    main()
