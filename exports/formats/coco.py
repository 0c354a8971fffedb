"""COCO: one JSON file for each split, with pictures, objects and categories.

https://cocodataset.org/#format-data. An object is one annotation, in run lengths, which keep its holes and
all its parts, or as polygons, of which it has one for each part, with holes tied to the outline. ``iscrowd``
is 0 for both: COCO's own files use run lengths for crowds only, but readers go by ``iscrowd`` and by the type
of ``segmentation``. Ids begin with 1: 0 is the background for many trainers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from exports.formats.format import Format, FormatOptions, size_of
from exports.output_folder import OutputFolder
from exports.pictures import Object, Picture

Json = Any


class Coco(Format):
    """Writes COCO files. Pictures and objects are gathered in two files of lines, and put together last."""

    def __init__(self, output: OutputFolder, options: FormatOptions) -> None:
        super().__init__(output, options)
        self._ids = output.state.setdefault("coco", {"images": 0, "annotations": 0})

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Add a picture and its objects."""
        width, height = size_of(picture)
        number = self._next("images")
        image = {"id": number, "file_name": name, "width": width, "height": height, "task_id": picture.task}
        self._output.add_line(_lines("images", part), image)
        for each in picture.objects:
            self._output.add_line(_lines("annotations", part), self._annotation(each, number))

    def finish(self, classes: Sequence[str]) -> None:
        """Put the files together."""
        categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
        for part in self._options.parts:
            with self._output.new_file(f"instances_{part}.json" if part else "instances.json") as file:
                file.write(b'{"info": {"description": "Exported from Label Studio"}, "licenses": [],\n')
                for key in ("images", "annotations"):
                    file.write(f'"{key}": [\n'.encode())
                    file.writelines(_separated(self._output.lines(_lines(key, part))))
                    file.write(b"],\n")
                file.write(b'"categories": ')
                file.write(_json(categories))
                file.write(b"}\n")
        for part in self._options.parts:
            for key in ("images", "annotations"):
                self._output.remove(_lines(key, part))

    def _annotation(self, each: Object, image: int) -> Json:
        shape = each.shape
        left, top, right, bottom = shape.box
        return {
            "id": self._next("annotations"),
            "image_id": image,
            "category_id": each.class_id + 1,
            "segmentation": self._segmentation(each),
            "area": shape.runs.area,
            "bbox": [_short(left), _short(top), _short(right - left), _short(bottom - top)],
            "iscrowd": 0,
            "region_id": each.region,
        }

    def _segmentation(self, each: Object) -> Json:
        runs = each.shape.runs
        if not self._options.polygons:
            return {"size": [runs.height, runs.width], "counts": runs.text()}
        rings = [part.ring for part in each.shape.parts(self._options.tolerance)]
        # Readers take a polygon of two points for a box.
        return [[_short(number) for number in ring.ravel().tolist()] for ring in rings if len(ring) > 2]

    def _next(self, kind: str) -> int:
        self._ids[kind] += 1
        return int(self._ids[kind])


def _lines(kind: str, part: str) -> str:
    return f".coco-{kind}-{part or 'all'}.jsonl"


def _separated(lines: Iterator[bytes]) -> Iterator[bytes]:
    before = b""
    for line in lines:
        yield before + line
        before = b",\n"
    yield b"\n"


def _json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _short(number: float) -> float:
    return round(float(number), 2)
