"""Everything in a task's pictures: which these are, and where masks of things that nobody pointed at go."""

from __future__ import annotations

from dataclasses import dataclass, replace

from protocol.bodies.annotated import read_annotated
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.boxes import LeftOut, TaskWithBoxes, has_prediction, results_of_annotations, takes_masks
from protocol.click import Click, image_source, image_value
from protocol.controls import Output
from protocol.label_config import Image, LabelConfig, parse
from protocol.repeater import expanded
from protocol.variables import TaskData, resolve
from values.errors import BadLabelConfig, BadPrompt, ImageError
from values.image import ImageSource
from values.prompt import Prompt

PICTURES = 100
"""Pictures of one task. A grid on one takes a minute or so of a core."""


@dataclass(frozen=True, slots=True, eq=False)
class WholePicture:
    """A picture in which everything is looked for.

    ``item_index``: its place in a list of pictures, repeated in the result. ``output``: where the masks go.
    ``points``: of the grid along each side, None for the setting's.
    """

    image: ImageSource
    item_index: int | None
    output: Output
    points: int | None = None

    def click(self, prompt: Prompt, width: int, height: int) -> Click:
        """The click that would have asked for a mask of that size."""
        return Click(self.image, (prompt,), width, height, 0, self.item_index, (self.output,))


@dataclass(frozen=True, slots=True, eq=False)
class WholeTask:
    """The pictures of a task, and what is left out."""

    pictures: tuple[WholePicture, ...]
    left_out: tuple[LeftOut, ...]


def read_whole(about: PredictBody, task: Task, points: int | None, order: tuple[str, ...]) -> WholeTask:
    """The pictures of a task of the project that the request is ``about``, each with its output.

    ``order``: the tags that take a mask, the preferred first.

    Raises:
        BadPrompt: over ``PICTURES`` pictures.
        BadRequest, BadLabelConfig: the task's data or the labeling config cannot be used.
    """
    if about.label_config is None:
        raise BadLabelConfig(
            "the request has no labeling config, and no /setup of its project brought one; send label_config"
        )
    written = parse(about.label_config)
    if not takes_masks(written, order):
        raise BadLabelConfig(
            "no control of the labeling config takes a mask; add <BrushLabels>, <BitmaskLabels>, "
            "<PolygonLabels> or <RectangleLabels> to it"
        )
    data = TaskData(task)
    config = expanded(written, data)
    pictures, left_out = list[WholePicture](), list[LeftOut]()
    for image in config.images:
        output = first_output(config, image.name, order)
        if output is None:
            continue
        try:
            items = _items(image, data)
        except ImageError as error:
            left_out.append(LeftOut.of("", error))
            continue
        if len(pictures) + len(left_out) + len(items) > PICTURES:
            raise BadPrompt(f"task {task.id} has over {PICTURES} pictures; split it into several tasks")
        for item in items:
            try:
                source = image_source(about, task, image_value(task, data, image, item))
            except ImageError as error:
                left_out.append(LeftOut.of("", error))
            else:
                pictures.append(WholePicture(source, item, output, points))
    return WholeTask(tuple(pictures), tuple(left_out))


def first_output(config: LabelConfig, image: str, order: tuple[str, ...]) -> Output | None:
    """Where masks on an image go when nobody chose a label: the preferred control, with its first label.

    None where no control of the image takes a mask. A control whose labels the task's data have gets none.
    """
    output = config.output_for(image, None, order=order)
    holder = config.control(output.labels_from or output.from_name) if output else None
    if output is None or holder is None or not holder.labels:
        return output
    return replace(output, labels=(holder.labels[0].spelling,))


def tasks_without_masks(
    body: bytes, where: str, version: str, *, annotated: bool = False
) -> list[TaskWithBoxes]:
    """The tasks of a request that have no prediction of the model ``version``, without boxes.

    ``annotated``: with the regions of their newest annotations in the place of boxes.

    Raises what ``protocol.bodies.annotated.read_annotated`` raises.
    """
    return [
        TaskWithBoxes(
            place,
            Task(task.id, task.data.copy()),
            results_of_annotations(task.annotations) if annotated else (),
        )
        for place, task in enumerate(read_annotated(body, where))
        if not has_prediction(task, version)
    ]


def nothing_found(picture: WholePicture) -> LeftOut:
    """No mask of a picture came through the filters."""
    item = "" if picture.item_index is None else f"item {picture.item_index}: "
    return LeftOut(
        "",
        "no_mask",
        f"{item}none of the masks that the grid found is good enough; lower EVERYTHING_IOU or "
        "EVERYTHING_STABILITY, or take more points a side",
    )


def _items(image: Image, data: TaskData) -> list[int | None]:
    """The places of a list of pictures; None for a single one."""
    value = resolve(image.value, data)
    return list(range(len(value))) if isinstance(value, list) else [None]
