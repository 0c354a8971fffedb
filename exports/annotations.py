"""The annotations of a task: which of them counts, and the pictures it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from exports.classes import Classes
from exports.pictures import LeftOut, Object, Picture, Size
from exports.regions import Region, Regions
from protocol.bodies.task import Task
from protocol.click import image_value
from protocol.label_config import Image, LabelConfig
from protocol.repeater import expanded
from protocol.variables import TaskData, resolve
from values.errors import BadLabelConfig, BadRequest, ImageError, ServiceError

_ACCEPTED = frozenset({"accepted", "fixed_and_accepted"})


class _Review(msgspec.Struct):
    accepted: bool | None = None


class Annotation(msgspec.Struct):
    """An annotation as Label Studio's API shows it; ``result`` undecoded."""

    id: int
    result: list[msgspec.Raw] | None = None
    was_cancelled: bool = False
    ground_truth: bool = False
    updated_at: str | None = None
    last_action: str | None = None
    reviews: list[_Review] | None = None

    @property
    def accepted(self) -> bool:
        """Whether a reviewer accepted it, or somebody set its star (Label Studio's ground truth)."""
        reviewed = self.reviews[-1].accepted if self.reviews else self.last_action in _ACCEPTED
        return self.ground_truth or bool(reviewed)


_ANNOTATIONS = msgspec.json.Decoder(list[Annotation])


def read_annotations(body: bytes | bytearray | memoryview) -> list[Annotation]:
    """The annotations of an answer of Label Studio's API. Raises msgspec.MsgspecError."""
    return _ANNOTATIONS.decode(body)


def chosen(annotations: Sequence[Annotation], *, only_accepted: bool = False) -> Annotation | None:
    """The annotation of a task that counts: an accepted one before any other, and of those the newest.

    Skipped ones never count. None where there is none.
    """
    counting = [
        each for each in annotations if not each.was_cancelled and (each.accepted or not only_accepted)
    ]
    return max(counting, key=lambda each: (each.accepted, each.updated_at or "", each.id), default=None)


@dataclass
class Read:
    """What an annotation holds. ``points``: keypoints, which have no area; ``several``: regions with several
    labels, of which the first counts."""

    pictures: list[Picture]
    left_out: list[LeftOut]
    points: int = 0
    several: int = 0


class AnnotationReader:
    """Reads annotations of one project."""

    def __init__(self, config: LabelConfig, classes: Classes) -> None:
        self._config = config
        self._classes = classes

    def read(self, task: Task, annotation: Annotation) -> Read:
        """The pictures of a task with their objects; what cannot be read is left out and told."""
        number = task.number or 0
        read = Read([], [])
        regions = Regions(number, annotation.result or ())
        found: dict[tuple[str, int], list[Object]] = {}
        sizes: dict[tuple[str, int], Size] = {}
        for region in regions:
            place = (region.image, region.item)
            sentence = self._refusal(region, sizes.setdefault(place, region.size))
            if sentence:
                read.left_out.append(LeftOut(number, region.id, sentence))
                continue
            label = region.labels[0] if region.labels else self._classes.unlabelled or ""
            read.several += len(region.labels) > 1
            found.setdefault(place, []).append(
                Object(region.id, label, self._classes.id_of(label), region.shape)
            )
        read.left_out += regions.left_out
        read.points = regions.points
        try:
            images = dict(self._images(task, [*sizes]))
        except (BadRequest, BadLabelConfig) as error:
            read.left_out.append(LeftOut(number, "", error.detail))
            return read
        for place, value in images.items():
            if isinstance(value, ServiceError):
                read.left_out.append(LeftOut(number, "", value.detail))
                continue
            objects = tuple(found.get(place, ()))
            read.pictures.append(Picture(number, annotation.id, value, sizes.get(place), objects, place[1]))
        return read

    def _refusal(self, region: Region, size: Size) -> str:
        """Why a region is no object, or ""."""
        if not region.labels and not self._classes.unlabelled:
            return f"region {region.id} has no label; give it one in Label Studio"
        if region.size != size:
            return (
                f"region {region.id} is on a picture of {region.size[0]} x {region.size[1]} pixels, those "
                f"before it on one of {size[0]} x {size[1]}; open the task and save it"
            )
        return ""

    def _images(
        self, task: Task, drawn: Sequence[tuple[str, int]]
    ) -> Iterator[tuple[tuple[str, int], str | ServiceError]]:
        """The places of images in the task's data by ((name, item)), or why one is not there.

        Those of the labeling config, and those that regions are on and the config has no more.
        """
        data = TaskData(task)
        config = expanded(self._config, data)
        for image in config.images:
            for item in self._items(image, data):
                try:
                    yield (image.name, item), image_value(task, data, image, item)
                except ImageError as error:
                    yield (image.name, item), error
        known = {image.name for image in config.images}
        for name, item in drawn:
            if name not in known:
                yield (
                    (name, item),
                    BadRequest(f'regions are on an image "{name}", which the labeling config does not have'),
                )

    def _items(self, image: Image, data: TaskData) -> range:
        try:
            value = resolve(image.value, data)
        except ImageError:  # as reading it says once more
            return range(1)
        return range(max(1, len(value))) if isinstance(value, list) else range(1)
