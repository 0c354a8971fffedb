"""Label Studio's own exports, read back: which objects are in them, of which class, with which mask."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from testing.annotated import HEIGHT, WIDTH
from testing.data_sets import coco_mask, filled
from tests.real_label_studio.api import LabelStudioApi

Json = Any
Mask = NDArray[np.bool_]
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Found:
    """An object of an export. ``picture``: the name of its file, or the id of its task."""

    picture: str
    label: str
    mask: Mask


def own_export(api: LabelStudioApi, project: int, name: str) -> list[Found]:
    """The objects of one of Label Studio's exports, by the format's own name."""
    content = api.download(f"/api/projects/{project}/export", exportType=name)
    if not zipfile.is_zipfile(io.BytesIO(content)):  # a single file comes as it is
        return [*_READERS[name]({"result.json": content})]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [*_READERS[name]({each: archive.read(each) for each in archive.namelist()})]


def _coco(files: Files) -> Iterator[Found]:
    [name] = [each for each in files if each.endswith(".json")]
    content = json.loads(files[name])
    categories = {each["id"]: each["name"] for each in content["categories"]}
    pictures = {each["id"]: str(each["file_name"]) for each in content["images"]}
    for each in content["annotations"]:
        mask = (
            coco_mask(each["segmentation"], WIDTH, HEIGHT) if each.get("segmentation") else _box(each["bbox"])
        )
        yield Found(pictures[each["image_id"]], categories[each["category_id"]], mask)


def _box(box: Json) -> Mask:
    left, top, width, height = box
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    return filled([np.array(corners, np.float64)], WIDTH, HEIGHT)


def _yolo(files: Files) -> Iterator[Found]:
    classes = files["classes.txt"].decode().split("\n")
    for name in files:
        if not name.startswith("labels/") or not name.endswith(".txt"):
            continue
        for line in files[name].decode().splitlines():
            class_id, *numbers = line.split()
            values = [float(number) for number in numbers]
            if len(values) == 4:
                x, y, w, h = values
                mask = _box(((x - w / 2) * WIDTH, (y - h / 2) * HEIGHT, w * WIDTH, h * HEIGHT))
            else:
                mask = filled([np.reshape(values, (-1, 2)) * (WIDTH, HEIGHT)], WIDTH, HEIGHT)
            yield Found(PurePath(name).stem, classes[int(class_id)], mask)


def _brush_png(files: Files) -> Iterator[Found]:
    for name in files:
        if found := re.match(r"task-(\d+)-.*-([A-Za-z]+)-\d+\.png$", name):
            pixels = cv2.imdecode(np.frombuffer(files[name], np.uint8), cv2.IMREAD_GRAYSCALE)
            yield Found(found[1], found[2], np.asarray(pixels) > 127)


def _brush_numpy(files: Files) -> Iterator[Found]:
    for name in files:
        if found := re.match(r"task-(\d+)-.*-([A-Za-z]+)-\d+\.npy$", name):
            yield Found(found[1], found[2], np.load(io.BytesIO(files[name])) > 127)


_READERS: dict[str, Callable[[Files], Iterator[Found]]] = {
    "COCO": _coco,
    "YOLO": _yolo,
    "YOLO_OBB": _yolo,
    "BRUSH_TO_PNG": _brush_png,
    "BRUSH_TO_NUMPY": _brush_numpy,
    "BRUSH_TO_COCO": _coco,
}
OWN_FORMATS = tuple(_READERS)
