"""From a request to what has to be segmented: the click to answer, or the images to warm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.controls import Output
from protocol.drawings import Draw
from protocol.label_config import Image, LabelConfig, parse
from protocol.options import ReadOptions
from protocol.prompts import read_pointed
from protocol.repeater import Budget, Spent, expanded, images
from protocol.variables import Absent, TaskData, kind_of, resolve
from values.errors import BadLabelConfig, BadRequest, ImageError, ImageMissing
from values.image import ImageSource
from values.one_line import shown
from values.prompt import Prompt

LOOK_UPS = 10_000
"""Tasks times images, and items of their lists, that are looked through for images to warm. One is of 1 Ki
characters at most, and as many more may be made as there are in the tasks' data."""


@dataclass(frozen=True, slots=True, eq=False)
class Click:
    """One interactive request, ready to be segmented; it pickles.

    ``prompts``: one for each mask asked for. ``width``, ``height``: the browser's natural size, which the
    mask must have. ``image_rotation`` and ``item_index`` are repeated in the result. ``outputs``: where the
    mask of each prompt goes.
    """

    image: ImageSource
    prompts: tuple[Prompt, ...]
    width: int
    height: int
    image_rotation: int
    item_index: int | None
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No mask is asked for, or none can be placed; ``reason`` is a sentence for the log, "" where there is
    nothing to say."""

    reason: str


def read_click(body: PredictBody, draw: Draw, options: ReadOptions | None = None) -> Click | Nothing | None:
    """The click of an interactive request, which is about its first task; None for a request without prompts.

    Label Studio sends one task with a context. When a client sends more, the context's prompts are still on
    one image: the answer is this click's regions for the first task and an empty result for each other.
    ``draw`` reads drawn masks.

    Raises:
        BadRequest: prompts without a task.
        BadLabelConfig: the labeling config is missing or unreadable.
        BadPrompt: a prompt that cannot be used.
        ImageMissing: the task does not name the image that the prompts are on.
    """
    options = options or ReadOptions()
    if not body.items:
        return None
    if not body.tasks:
        raise BadRequest("the body of /predict has prompts but no task; send the task they belong to")
    pointed = read_pointed(body.items, draw, options.multi_box, options)
    if pointed is None or not pointed.prompts:
        return Nothing(
            "the prompts ask for no mask: there is no positive click, box or drawn mask among them"
        )
    if body.label_config is None:
        raise BadLabelConfig(
            "the request has no labeling config, and no /setup of its project brought one; send label_config "
            "or open the project's model settings in Label Studio"
        )
    task, written = body.tasks[0], parse(body.label_config)
    data = TaskData(task)
    config = expanded(written, data)
    image = prompted_image(config, pointed.to_name, pointed.controls)
    if image is None:
        repeated = "; its <Repeater> tags make none of that name for this task" if written.tags else ""
        return Nothing(
            f'the labeling config has no <Image name="{shown(pointed.to_name)}"> to put a mask on{repeated}'
        )
    outputs = [
        config.output_for(image.name, label, pointed.controls, options.output_order)
        for label in pointed.labels
    ]
    placed = tuple(output for output in outputs if output is not None)
    if len(placed) < len(outputs):
        return no_control(image)
    return Click(
        image=image_source(body, task, image_value(task, data, image, pointed.item_index)),
        prompts=pointed.prompts,
        width=pointed.width,
        height=pointed.height,
        image_rotation=pointed.image_rotation,
        item_index=pointed.item_index,
        outputs=placed,
    )


def no_control(image: Image) -> Nothing:
    """No control of the labeling config takes a mask on this image."""
    return Nothing(
        f'no control for the image "{shown(image.name)}" takes a mask; '
        "add <BrushLabels>, <BitmaskLabels>, <PolygonLabels> or <RectangleLabels> to the labeling config"
    )


def no_region(click: Click) -> str:
    """A sentence for a click that no region was made of."""
    tags = ", ".join(sorted({f"<{output.tag}>" for output in click.outputs}))
    return (
        f"the mask is empty, or too small for a region of {tags}: the model found nothing where the prompts "
        "point; click on another part of the object, or draw a box around it"
    )


def read_images(body: PredictBody, limit: int) -> list[ImageSource]:
    """The images of a request's tasks, in order and without repeats, for warming; at most ``limit``.

    Every ``<Image>`` of the config counts, and every item of a list. Tasks without an image are passed over,
    and a request without a labeling config has none. What is behind ``LOOK_UPS`` is not looked at.

    Raises:
        BadLabelConfig: the labeling config is unreadable.
    """
    if body.label_config is None:
        return []
    config = parse(body.label_config)
    found = islice(_values(body.tasks, config), limit)
    return list({image_source(body, task, value): None for task, value in found})


def prompted_image(config: LabelConfig, to_name: str, controls: Iterable[str]) -> Image | None:
    """The image that prompts name; those that name none are on that of their control, or on the only one."""
    if to_name:
        return config.image(to_name)
    for name in sorted(controls):
        control = config.control(name)
        for to_name in control.to_name if control else ():
            if image := config.image(to_name):
                return image
    return config.images[0] if len(config.images) == 1 else None


def image_value(task: Task, data: TaskData, image: Image, item_index: int | None) -> str:
    """The string in the task's data that says where an image is; of a list the item at ``item_index``.

    Raises:
        ImageMissing: the data have none there.
        BadRequest, BadLabelConfig, ImageTooLarge: as ``protocol.variables.resolve``.
    """
    tag = f'<Image name="{shown(image.name)}">'
    if not image.value.strip():
        raise ImageMissing(f"{tag} of the labeling config has no value; give it one")
    value = resolve(image.value, data)
    where = f"task {task.id}: {data.place_of(image.value)}, which {tag} shows,"
    if isinstance(value, Absent):
        raise ImageMissing(f"task {task.id}: {value.place}, which {tag} shows, {value.problem}")
    if isinstance(value, list):
        index = item_index or 0
        if index >= len(value):
            raise ImageMissing(f"{where} has {len(value)} items, and item {index} is asked for")
        where, value = f"{where[:-1]} item {index},", value[index]
    if not isinstance(value, str) or not value.strip():
        is_what = "is empty" if isinstance(value, str) else kind_of(value)
        raise ImageMissing(
            f"{where} is no image path or URL: it {is_what}; it must be a string that is not empty"
        )
    return value


def _values(tasks: tuple[Task, ...], config: LabelConfig) -> Iterator[tuple[Task, str]]:
    budget = Budget(LOOK_UPS + sum(memoryview(task.data).nbytes for task in tasks) // 1024)
    with suppress(Spent):
        for task in tasks:
            data = TaskData(task)
            for image in _all_images(config, data, budget):
                value = _favoured(image, data)
                for item in value if isinstance(value, list) else [value]:
                    budget.spend(1 + (len(item) // 1024 if isinstance(item, str) else 0))
                    if isinstance(item, str) and item.strip():
                        yield task, item


def _all_images(config: LabelConfig, data: TaskData, budget: Budget) -> Iterator[Image]:
    # Warming is a favour: what cannot be read of a task has nothing to warm, and its click says why.
    with suppress(BadRequest, BadLabelConfig, ImageError):
        yield from images(config, data, budget)


def _favoured(image: Image, data: TaskData) -> object:
    with suppress(BadRequest, BadLabelConfig, ImageError):
        return resolve(image.value, data)
    return None


def image_source(body: PredictBody, task: Task, value: str) -> ImageSource:
    """The image of a task of ``body`` that is at ``value``."""
    return ImageSource(value, body.project_id, task.number, body.login, body.password)
