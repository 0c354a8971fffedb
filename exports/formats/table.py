"""The formats by their names."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial

from exports.formats.arrays import Arrays
from exports.formats.coco import Coco
from exports.formats.format import Format, FormatOptions
from exports.formats.geojson import GeoJson
from exports.formats.labelme import LabelMe
from exports.formats.png import Png
from exports.formats.yolo import Yolo
from exports.output_folder import OutputFolder


class FormatName(StrEnum):
    """What a person asks for."""

    COCO = "coco"
    YOLO_SEG = "yolo-seg"
    YOLO = "yolo"
    PNG = "png"
    NUMPY = "numpy"
    GEOJSON = "geojson"
    LABELME = "labelme"


FORMATS: dict[FormatName, Callable[[OutputFolder, FormatOptions], Format]] = {
    FormatName.COCO: Coco,
    FormatName.YOLO_SEG: partial(Yolo, outlines=True),
    FormatName.YOLO: partial(Yolo, outlines=False),
    FormatName.PNG: Png,
    FormatName.NUMPY: Arrays,
    FormatName.GEOJSON: GeoJson,
    FormatName.LABELME: LabelMe,
}
