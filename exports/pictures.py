"""What formats write: pictures, each with its objects."""

from __future__ import annotations

from dataclasses import dataclass

from exports.shapes import Shape

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """A region of an annotation. ``region``: its id in Label Studio. ``class_id``: from 0."""

    region: str
    label: str
    class_id: int
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image of a task with all its objects, in the order in which they were drawn.

    ``image``: the value in the task's data. ``size``: width and height as browsers
    show it, None where no region says it. ``item``: which of a list of images; ``annotation``: its id.
    """

    task: int
    annotation: int
    image: str
    size: Size | None
    objects: tuple[Object, ...]
    item: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not in the data set, and why. ``region``: "" where it is the whole task."""

    task: int
    region: str
    sentence: str
