"""Pictures of two megapixels with eight things each, whose masks are known, as tasks of a project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.click.latency import Pictures
from benchmarks.click.stages import SIZES
from label_studio.tasks import ListedTask
from testing.label_studio_masks import iou, loose_box, rectangle
from testing.scenes import Scene, scene
from testing.weights import colour_detector

THINGS = 8
_PLACES = ((4, 3), (4, 9), (9, 6), (9, 12), (14, 3), (14, 9), (19, 6), (19, 12))
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 90)


def mosaic(seed: int) -> Scene:
    """Four scenes side by side, two things of each."""
    width, height = (side // 2 for side in SIZES[2])
    quarters = [scene(4 * seed + number, width, height) for number in range(4)]
    rows = [np.hstack([each.rgb for each in quarters[at : at + 2]]) for at in (0, 2)]
    truths: list[NDArray[np.bool_]] = []
    for number, each in enumerate(quarters):
        for mask in each.masks[: THINGS // 4]:
            truth = np.zeros((2 * height, 2 * width), bool)
            truth[number // 2 * height :, number % 2 * width :][:height, :width] = mask
            truths.append(truth)
    return Scene(np.vstack(rows), truths)


def spots() -> Scene:
    """Coloured spots on a plain ground, as the detector that is made to know their colours needs them."""
    colours = [*colour_detector.COLOURS] * THINGS
    placed = [(name, *at) for name, at in zip(colours, _PLACES, strict=False)]
    small = colour_detector.picture(placed)
    rgb = np.asarray(cv2.resize(small, (1728, 1152), interpolation=cv2.INTER_NEAREST), np.uint8)
    _, found = cv2.connectedComponents((rgb != colour_detector.GROUND).any(axis=2).astype(np.uint8))
    return Scene(rgb, [found == number + 1 for number in range(THINGS)])


def accuracy(known: Scene, masks: Sequence[NDArray[np.bool_]]) -> float:
    """The mean over all things of the IoU of the mask that fits best."""
    return fmean(max((iou(mask, truth) for mask in masks), default=0.0) for truth in known.masks)


@dataclass(frozen=True, slots=True)
class Pictured:
    """A task, the truth about its picture, and a box around each thing of it, as hands draw it."""

    known: Scene
    task: ListedTask
    boxes: tuple[msgspec.Raw, ...]

    @classmethod
    def at(cls, port: int, number: int, known: Scene) -> Self:
        """A picture that ``benchmarks.click.latency.served`` serves at ``port``."""
        path = f"/{number}.jpg"
        Pictures.pictures[path] = cv2.imencode(".jpg", known.rgb[..., ::-1], _JPEG)[1].tobytes()
        shape = known.rgb.shape[0], known.rgb.shape[1]
        drawn = [
            {**rectangle(loose_box(mask), shape, "Thing"), "id": f"thing {thing}"}
            for thing, mask in enumerate(known.masks)
        ]
        data = json.dumps({"image": f"http://127.0.0.1:{port}{path}"}).encode()
        boxes = tuple(msgspec.Raw(json.dumps(each).encode()) for each in drawn)
        return cls(known, ListedTask(number, data), boxes)
