"""A folder of images and one JSON file of COCO: https://cocodataset.org/#format-data (instances)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.dataset.things import NoThings, Picture, Thing, Told, shuffled
from exports.filling import polygon_mask
from exports.rings import clipped
from exports.run_lengths import Mask, RunLengths

_MEGAPIXELS = 250


class _Image(msgspec.Struct):
    id: int
    file_name: str
    width: int
    height: int

    @property
    def is_usable(self) -> bool:
        return min(self.width, self.height) > 0 and self.width * self.height <= _MEGAPIXELS * 10**6


class _Runs(msgspec.Struct):
    size: tuple[int, int]
    counts: list[int] | str


class _Annotation(msgspec.Struct):
    image_id: int
    id: int | str = 0
    segmentation: msgspec.Raw = msgspec.Raw(b"[]")
    iscrowd: int = 0


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


_FILE = msgspec.json.Decoder(_File)
_POLYGONS = msgspec.json.Decoder(list[list[float]])
_RUNS = msgspec.json.Decoder(_Runs)


@dataclass(frozen=True, slots=True)
class CocoFile:
    """``images``: the folder that the file's ``file_name`` are in."""

    images: Path
    file: Path

    def pictures(self, told: Told) -> Iterator[Picture]:
        """Those that have annotations. Raises NoThings."""
        found = self._read()
        of_image: dict[int, list[_Annotation]] = defaultdict(list)
        for each in found.annotations:
            of_image[each.image_id].append(each)
        images = {each.file_name: each for each in found.images if each.id in of_image}
        folder = self.images.resolve()
        there = 0
        for name in shuffled(images):
            image, path = images[name], (folder / name).resolve()
            if not path.is_relative_to(folder) or not path.is_file():
                told.leave_out(f"{name}: there is no such image in {self.images}")
                continue
            there += 1
            yield Picture(name, path, [*self._things(image, of_image[image.id], told)])
        if not there:
            raise NoThings(
                f"none of the {len(images)} annotated images of {self.file} is in {self.images}; its "
                "file_name is looked for there"
            )

    def _read(self) -> _File:
        try:
            return _FILE.decode(self.file.read_bytes())
        except msgspec.MsgspecError as error:
            raise NoThings(f"{self.file} is no file of COCO's instances: {error}") from None

    def _things(self, image: _Image, annotations: list[_Annotation], told: Told) -> Iterator[Thing]:
        for each in annotations:
            if each.iscrowd:
                continue  # of many things together
            try:
                yield Thing(f"annotation {each.id}", runs_of(each.segmentation, image))
            except (ValueError, msgspec.MsgspecError) as error:
                told.leave_out(f"{image.file_name}: annotation {each.id}: {error}")


def runs_of(segmentation: msgspec.Raw, image: _Image) -> RunLengths:
    """The mask of an annotation. Raises ValueError, msgspec.MsgspecError, for what is none."""
    if not image.is_usable:
        raise ValueError(f"its image has {image.width} x {image.height} pixels")
    text = bytes(segmentation).lstrip()
    if text.startswith(b"{"):
        runs = _RUNS.decode(text)
        height, width = runs.size
        if min(width, height) < 1 or width * height > _MEGAPIXELS * 10**6:
            raise ValueError(f"its mask has {width} x {height} pixels")
        return RunLengths.of_counts(runs.counts, width, height)
    polygons = _POLYGONS.decode(text)
    if not polygons:
        raise ValueError("it is a box without a mask")
    return RunLengths.of(_filled(polygons, image.width, image.height))


def _filled(polygons: list[list[float]], width: int, height: int) -> Mask:
    mask = np.zeros((height, width), np.bool_)
    for numbers in polygons:
        if len(numbers) < 6 or len(numbers) % 2 or not np.isfinite(numbers).all():
            raise ValueError("its polygon has no three points")
        inside = clipped(np.reshape(np.array(numbers, np.float64), (-1, 2)), width, height)
        if len(inside):
            mask |= polygon_mask(inside, width, height)[0]
    return mask
