"""What a format is: it takes one picture after the other, and is told when there are no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from exports.output_folder import OutputFolder
from exports.pictures import Picture, Size


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """``tolerance``: how far in pixels a traced outline may run from its mask's. ``polygons``: COCO gets
    polygons in place of run lengths. ``parts``: the names of the splits, one without a name for none."""

    tolerance: float = 0.5
    polygons: bool = False
    parts: tuple[str, ...] = ("",)


class Format(ABC):
    """Writes pictures into an ``OutputFolder``, and holds none of them. Raises ExportError.

    ``needs_size``: whether a picture of unknown size cannot be in it.
    """

    needs_size = True

    def __init__(self, output: OutputFolder, options: FormatOptions) -> None:
        self._output = output
        self._options = options

    @abstractmethod
    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write a picture. ``name``: its file's, which no other has; ``part``: of the splits, or ""."""

    def finish(self, classes: Sequence[str]) -> None:  # noqa: B027 - most have nothing that comes last
        """Write what comes last. ``classes``: the names of the classes, by id."""

    def image_path(self, name: str, part: str) -> str:
        """Where the picture's own file belongs."""
        return f"images/{within(part, name)}"


def size_of(picture: Picture) -> Size:
    """The size of a picture that has to have one."""
    if picture.size is None:
        raise ValueError(f"the size of the picture of task {picture.task} is not known")
    return picture.size


def within(part: str, name: str) -> str:
    """The path of a file in its part's folder."""
    return f"{part}/{name}" if part else name
