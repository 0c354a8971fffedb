"""YOLO's label files, as Ultralytics reads them: boxes, or outlines.

https://docs.ultralytics.com/datasets/: ``labels/train/NAME.txt`` beside ``images/train/NAME.jpg``, a line an
object: the class, then the box's middle and size, or the outline's points, all as fractions of the picture.
An object in several parts is one line: its parts are tied together by lines of no width, and holes to the
outline.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np

from exports.file_names import stem_of
from exports.formats.format import Format, FormatOptions
from exports.output_folder import OutputFolder
from exports.pictures import Object, Picture, Size
from exports.rings import joined

TRAIN = "train"
"""The folder of a data set without a split."""


class Yolo(Format):
    """Writes label files and ``data.yaml``. ``outlines``: outlines in place of boxes."""

    needs_size = False  # a picture without objects has an empty file, whatever its size

    def __init__(self, output: OutputFolder, options: FormatOptions, *, outlines: bool) -> None:
        super().__init__(output, options)
        self._outlines = outlines

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write the label file of a picture."""
        size = picture.size or (1, 1)
        place = self._outline if self._outlines else _box
        lines = [f"{each.class_id} {_numbers(place(each, size))}\n" for each in picture.objects]
        self._output.write(f"labels/{part or TRAIN}/{stem_of(name)}.txt", "".join(lines).encode())

    def finish(self, classes: Sequence[str]) -> None:
        """Write ``data.yaml``."""
        parts = [part or TRAIN for part in self._options.parts]
        keys = dict(zip(parts, parts, strict=True))
        # Ultralytics refuses a data set without these two.
        for key in ("train", "val"):
            keys.setdefault(key, parts[0])
        lines = [
            "# Put the pictures into images/, in the folders that labels/ has. See pictures.jsonl for names."
        ]
        lines += [f"{key}: images/{folder}" for key, folder in keys.items()]
        lines += ["names:", *(f"  {number}: {_quoted(name)}" for number, name in enumerate(classes))]
        self._output.write("data.yaml", ("\n".join(lines) + "\n").encode("utf-8", "replace"))

    def image_path(self, name: str, part: str) -> str:
        """The folder that mirrors that of the labels."""
        return f"images/{part or TRAIN}/{name}"

    def _outline(self, each: Object, size: Size) -> Iterable[float]:
        rings = [part.ring for part in each.shape.parts(self._options.tolerance)]
        fractions: list[float] = (joined(rings) / size).ravel().tolist()
        return fractions


def _box(each: Object, size: Size) -> Iterable[float]:
    low, high = np.reshape(each.shape.box, (2, 2)) / size
    fractions: list[float] = np.concatenate([(low + high) / 2, high - low]).tolist()
    return fractions


def _numbers(numbers: Iterable[float]) -> str:
    return " ".join(f"{min(max(number, 0.0), 1.0):.6f}" for number in numbers)


def _quoted(name: str) -> str:
    """A name in YAML's double quotes, where JSON's escapes hold."""
    return json.dumps(name, ensure_ascii=False)
