"""The boxes of a task: regions of its annotations or predictions, each of which asks for a mask.

A box is a rectangle or an ellipse, also a turned one; a rough polygon or a rough mask is a prompt as well.
One region that cannot be used spoils no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np

from protocol.bodies.annotated import (
    AnnotatedTask,
    kind_of,
    newest_results,
    read_annotated,
    versions_in,
)
from protocol.bodies.json_text import decode
from protocol.bodies.predict import Item, PredictBody
from protocol.bodies.task import Task
from protocol.click import Click, image_source, image_value, prompted_image
from protocol.context_items import Mark, read_mark
from protocol.controls import Output
from protocol.drawings import Draw
from protocol.item_fields import TEXT, Fields
from protocol.label_config import Image, LabelConfig, parse
from protocol.options import ReadOptions
from protocol.repeater import expanded
from protocol.shapes import Area, Point
from protocol.variables import TaskData
from values.errors import BadLabelConfig, BadPrompt, BadRequest, ImageError, ServiceError
from values.image import ImageSource
from values.one_line import shown
from values.options import PixelLimit
from values.prompt import Prompt

BOXES = frozenset({"rectangle", "ellipse"})
SHAPES = BOXES | {"polygon", "brush", "bitmask"}

BOX_LIMIT = 1000
"""Boxes of one task. A decoder takes some ten milliseconds for each."""

CLICK = "keypoint"
CLICK_LIMIT = 16
"""Clicks of one box; each is decoded."""

CHUNK, CHUNK_MASKS = 64, 16
"""Boxes, and drawn masks among them, that a decoder is asked for at once. A drawn mask has a MiB."""

_REMEDY = "add <BrushLabels>, <BitmaskLabels>, <PolygonLabels> or <RectangleLabels> to it"
_ITEM = msgspec.json.Decoder(Item)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A region that becomes no mask, by its id, and why; "" is a whole image or task."""

    region: str
    code: str
    sentence: str

    @classmethod
    def of(cls, region: str, error: ServiceError) -> Self:
        """Because of that error."""
        return cls(region, error.code, error.detail)


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """One region. ``region``: its id. ``output``: where its mask goes. ``clicks``: keypoints of the same id,
    which are clicks on the thing, or where they are negative beside it."""

    region: str
    mark: Mark
    area: Area
    output: Output
    clicks: tuple[Mark, ...] = ()

    def prompt(self, draw: Draw) -> Prompt:
        """What asks for its mask. Raises BadPrompt. ``draw`` reads drawn masks, and may take long."""
        drawn = self.area.read(draw)
        if not self.clicks:
            return Prompt(box=drawn.box, mask=drawn.mask)
        points = [mark.shape.xy for mark in self.clicks if isinstance(mark.shape, Point)]
        signs = [int(mark.is_positive) for mark in self.clicks]
        return Prompt(np.array(points, np.float64), np.array(signs, np.int32), drawn.box, drawn.mask)


@dataclass(frozen=True, slots=True, eq=False)
class BoxedImage:
    """An image of a task with its boxes, which all say that it has the same size and is the same item."""

    image: ImageSource
    boxes: tuple[Box, ...]

    def chunks(self) -> list[BoxedImage]:
        """The same in parts, each small enough to be decoded in one call."""
        parts: list[list[Box]] = [[]]
        masks = 0
        for box in self.boxes:
            masks += box.area.has_mask
            if len(parts[-1]) == CHUNK or masks > CHUNK_MASKS:
                parts.append([])
                masks = int(box.area.has_mask)
            parts[-1].append(box)
        return [BoxedImage(self.image, tuple(part)) for part in parts if part]

    def click(self, draw: Draw) -> tuple[Click | None, list[str], list[LeftOut]]:
        """The click that asks for a mask for each box, the regions that these are, and what is left out.

        ``draw`` reads drawn masks, and may take long. None where no box is left.
        """
        prompts, used, left_out = list[Prompt](), list[Box](), list[LeftOut]()
        for box in self.boxes:
            try:
                prompts.append(box.prompt(draw))
            except BadPrompt as error:
                left_out.append(LeftOut(box.region, error.code, f"{box.mark.name}: {error.detail}"))
                continue
            used.append(box)
        if not used:
            return None, [], left_out
        mark = used[0].mark
        click = Click(
            image=self.image,
            prompts=tuple(prompts),
            width=mark.size[0],
            height=mark.size[1],
            image_rotation=mark.image_rotation,
            item_index=mark.item_index,
            outputs=tuple(box.output for box in used),
        )
        return click, [box.region for box in used], left_out


@dataclass(frozen=True, slots=True, eq=False)
class BoxedTask:
    """What was read of a task. ``boxes``: how many regions ask for a mask, those that are left out too."""

    images: tuple[BoxedImage, ...]
    left_out: tuple[LeftOut, ...]
    boxes: int


def box_results(task: AnnotatedTask, version: str, kinds: frozenset[str] = SHAPES) -> tuple[msgspec.Raw, ...]:
    """The results of a task whose regions are its boxes: those of one annotation or of one prediction.

    That is the newest annotation that has any and is no skip; without one the newest prediction that is not
    of the model ``version``, which are masks that boxes became.
    """
    return results_of_annotations(task.annotations, kinds) or results_of_predictions(
        task.predictions, version, kinds
    )


def results_of_annotations(
    annotations: bytes | msgspec.Raw, kinds: frozenset[str] = SHAPES
) -> tuple[msgspec.Raw, ...]:
    """The boxes of the newest annotation of a list that has any; see ``box_results``."""
    return newest_results(annotations, kinds, lambda each: not each.was_cancelled)


def results_of_predictions(
    predictions: bytes | msgspec.Raw, version: str, kinds: frozenset[str] = SHAPES
) -> tuple[msgspec.Raw, ...]:
    """The boxes of the newest prediction of a list that has any; see ``box_results``."""
    return newest_results(predictions, kinds, lambda each: each.model_version != version)


@dataclass(frozen=True, slots=True)
class TaskWithBoxes:
    """A task of a request: its place there, itself, and the results whose regions are its boxes.

    Of the request it keeps nothing else: that may have the masks of thousands of tasks in it.
    """

    place: int
    task: Task
    results: tuple[msgspec.Raw, ...]


def tasks_with_boxes(body: bytes, where: str, version: str, kinds: frozenset[str]) -> list[TaskWithBoxes]:
    """The tasks of a request that have boxes of ``kinds`` and no prediction of the model ``version``.

    Raises what ``protocol.bodies.annotated.read_annotated`` raises.
    """
    found = []
    for place, task in enumerate(read_annotated(body, where)):
        results = box_results(task, version, kinds)
        if results and not has_prediction(task, version):
            found.append(TaskWithBoxes(place, Task(task.id, task.data.copy()), results))
    return found


def count_boxes(results: Sequence[msgspec.Raw]) -> int:
    """How many regions ask for masks among ``results``, whether or not they can be used."""
    regions = _regions(results, [])
    return sum(any(kind_of(item.type) in SHAPES for _, item in members) for members in regions.values())


def has_prediction(task: AnnotatedTask, version: str) -> bool:
    """Whether a prediction of the model ``version`` is stored with the task."""
    return version in versions_in(task.predictions)


def read_boxes(
    about: PredictBody, task: Task, results: Sequence[msgspec.Raw], options: ReadOptions
) -> BoxedTask:
    """The boxes among ``results`` of a task of the project that the request is ``about``.

    Raises:
        BadPrompt: over ``BOX_LIMIT`` boxes.
        BadRequest, BadLabelConfig: the task's data or the labeling config cannot be used.
    """
    if about.label_config is None:
        raise BadLabelConfig(
            "the request has no labeling config, and no /setup of its project brought one; send label_config"
        )
    written = parse(about.label_config)
    if not takes_masks(written, options.output_order):
        raise BadLabelConfig(f"no control of the labeling config takes a mask; {_REMEDY}")
    data = TaskData(task)
    config = expanded(written, data)
    left_out: list[LeftOut] = []
    marks = list(marks_of(results, options, left_out))
    boxes = len(marks) + len(left_out)
    if boxes > BOX_LIMIT:
        raise BadPrompt(f"task {task.id} has over {BOX_LIMIT} boxes; annotate it in several tasks")
    places: dict[object, tuple[Image, int | None, list[Box]]] = {}
    for region, mark, area, clicks in marks:
        try:
            image, output = _place(config, mark, options.output_order)
        except BadPrompt as error:
            left_out.append(LeftOut.of(region, error))
            continue
        place = (image, mark.item_index or 0, mark.size, mark.image_rotation)
        places.setdefault(place, (image, mark.item_index, []))[2].append(
            Box(region, mark, area, output, clicks)
        )
    found: list[BoxedImage] = []
    for image, item, here in places.values():
        try:
            source = image_source(about, task, image_value(task, data, image, item))
        except ImageError as error:
            left_out += [LeftOut.of(box.region, error) for box in here]
            continue
        found.append(BoxedImage(source, tuple(here)))
    return BoxedTask(tuple(found), tuple(left_out), boxes)


def no_mask(box: str, tag: str) -> LeftOut:
    """The model found nothing in a box, or too little for a region of that tag."""
    return LeftOut(
        box,
        "no_mask",
        f"region {shown(box)}: the mask is empty, or too small for a region of <{tag}>: the model found "
        "nothing in it; draw it closer around the object",
    )


def takes_masks(config: LabelConfig, order: tuple[str, ...]) -> bool:
    """Whether a labeling config has a control for masks. ``order``: the tags that are."""
    return any(control.tag in order for control in config.controls)


def _place(config: LabelConfig, mark: Mark, order: tuple[str, ...]) -> tuple[Image, Output]:
    """The image that a mark is on, and where its mask goes. Raises BadPrompt."""
    image = prompted_image(config, mark.to_name, mark.controls)
    if image is None:
        raise BadPrompt(
            f'{mark.name} is on "{shown(mark.to_name)}", and the labeling config has no <Image> of that name'
        )
    outputs = _outputs(config, image.name, mark, order)
    output = next((each for each in outputs if each.labels or not mark.label), None)
    if output is None and not outputs:
        raise BadPrompt(
            f'no control of the labeling config for the image "{shown(image.name)}" takes a mask; {_REMEDY}'
        )
    if output is None:
        raise BadPrompt(
            f'{mark.name} has the label "{shown(mark.label or "")}", which no control for masks of the '
            f"labeling config has; add it to <{outputs[0].tag}>"
        )
    return image, output


def _outputs(config: LabelConfig, image: str, mark: Mark, order: tuple[str, ...]) -> list[Output]:
    """Where a mask may go, the preferred control first, also to controls that lack the label."""
    found = (config.output_for(image, mark.label, frozenset(mark.controls), (tag,)) for tag in order)
    return [output for output in found if output is not None]


def marks_of(
    results: Iterable[msgspec.Raw], pixels: PixelLimit, left_out: list[LeftOut]
) -> Iterator[tuple[str, Mark, Area, tuple[Mark, ...]]]:
    """The id of each region among ``results`` that is an area, its mark, its shape and its clicks.

    What cannot be read goes to ``left_out``.
    """
    for region, members in _regions(results, left_out).items():
        placed = [member for member in members if kind_of(member[1].type) != CLICK]
        clicked = [member for member in members if kind_of(member[1].type) == CLICK]
        try:
            mark = read_mark(placed, pixels)
            clicks = () if mark is None else _clicks(clicked, pixels)
        except (BadPrompt, BadRequest) as error:
            left_out.append(LeftOut.of(region, error))
            continue
        if mark is not None and isinstance(mark.shape, Area):
            yield region, mark, mark.shape, clicks


def _clicks(members: Sequence[tuple[str, Item]], pixels: PixelLimit) -> tuple[Mark, ...]:
    """The clicks of one region. Raises BadPrompt for too many, and what ``read_mark`` raises."""
    if len(members) > CLICK_LIMIT:
        raise BadPrompt(f"{members[0][0]} has over {CLICK_LIMIT} clicks")
    read = (read_mark([member], pixels) for member in members)
    return tuple(mark for mark in read if mark is not None)


def _regions(results: Iterable[msgspec.Raw], left_out: list[LeftOut]) -> dict[str, list[tuple[str, Item]]]:
    """The results of each region by its id; one without an id has a name of its own."""
    regions: dict[str, list[tuple[str, Item]]] = {}
    for number, raw in enumerate(results, start=1):
        where = f"result {number}"
        try:
            item = decode(raw, _ITEM, where)
            region = Fields(where, {"id": item.id}).get("id", TEXT) or where
        except (BadPrompt, BadRequest) as error:
            left_out.append(LeftOut.of(where, error))
            continue
        name = where if region == where else f"region {shown(region)}"
        regions.setdefault(region, []).append((name, item))
    return regions
