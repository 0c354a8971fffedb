"""An example as somebody names it, TASK:REGION, and where in which image that region is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from exports.annotations import read_annotations
from exports.regions import Region, Regions
from label_studio.client import LabelStudio
from label_studio.projects import Project
from label_studio.tasks import ListedTask, annotations_of, task_in
from protocol.bodies.task import Task
from protocol.click import image_value, prompted_image
from protocol.label_config import parse
from protocol.repeater import expanded
from protocol.variables import TaskData
from serve_app.cli.backend_client import plain_line
from serve_app.cli.common_options import CommandError
from values.image import ImageSource

_NAMED = re.compile(r"([1-9][0-9]{0,18}):(\S{1,200})")
_TOLD = 10


@dataclass(frozen=True, slots=True)
class Example:
    """A region. ``box``: around it, x0, y0, x1, y1 as fractions of the picture."""

    task: int
    region: str
    image: ImageSource
    box: tuple[float, float, float, float]


def read_name(text: str, option: str) -> tuple[int, str]:
    """The task and the region of ``TASK:REGION``. Raises CommandError."""
    named = _NAMED.fullmatch(text.strip())
    if named is None:
        raise CommandError(
            f"{option} {plain_line(text)[:80]}: name a task and one of its regions, such as 17:Xk3fQz; the "
            "editor shows the region's id in the details of a region"
        )
    return int(named[1]), named[2]


def example_of(studio: LabelStudio, project: Project, number: int, name: str) -> Example:
    """The region of one of the project's tasks, whatever its shape.

    Raises CommandError where there is none, what reading its image's place raises, and what ``LabelStudio``
    raises.
    """
    listed = task_in(studio, project.id, number)
    if listed is None:
        raise CommandError(f"project {project.id} has no task {number}")
    region = _region(studio, listed, name)
    task = Task(number, msgspec.Raw(listed.data))
    data = TaskData(task)
    image = prompted_image(expanded(parse(project.label_config), data), region.image, ())
    if image is None:
        raise CommandError(
            f"region {plain_line(name)} of task {number} is on an image that the labeling config of project "
            f"{project.id} does not have"
        )
    value = image_value(task, data, image, region.item)
    width, height = region.size
    left, top, right, bottom = region.shape.box
    box = (left / width, top / height, right / width, bottom / height)
    return Example(number, name, ImageSource(value, str(project.id), number), box)


def _region(studio: LabelStudio, task: ListedTask, name: str) -> Region:
    try:
        annotations = read_annotations(annotations_of(studio, task.id))
    except msgspec.MsgspecError:
        raise studio.at.unlike("show annotations") from None
    known: list[str] = []
    for annotation in sorted(annotations, key=lambda each: (each.updated_at or "", each.id), reverse=True):
        regions = Regions(task.id, annotation.result or ())
        for region in regions:
            if region.id == name:
                return region
            known.append(region.id)
        for left_out in regions.left_out:
            if left_out.region == name:
                raise CommandError(f"task {task.id}: {plain_line(left_out.sentence)}")
    if not known:
        raise CommandError(f"task {task.id} has no annotated region; draw one there and submit it")
    told = ", ".join(map(plain_line, known[:_TOLD])) + (", ..." if len(known) > _TOLD else "")
    raise CommandError(
        f"the annotations of task {task.id} have no region {plain_line(name)}; they have {told}"
    )
