"""What a format is: it takes one picture after the other, and is told when there are no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from exports.pictures import Picture


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """``tolerance``: how far in pixels a traced outline may run from its mask's. ``polygons``: COCO gets
    polygons in place of run lengths. ``parts``: the names of the splits, one without a name for none."""

    tolerance: float = 0.5
    polygons: bool = False
    parts: tuple[str, ...] = ("",)


class Format(Protocol):
    """Writes pictures into an ``OutputFolder``, and holds none of them. Raises ExportError."""

    needs_size: bool
    """Whether a picture of unknown size cannot be in it."""

    def add(self, picture: Picture, name: str, part: str) -> None:
        """Write a picture. ``name``: its file's, which no other has; ``part``: of the splits, or ""."""
        ...

    def finish(self, classes: Sequence[str]) -> None:
        """Write what comes last. ``classes``: the names of the classes, by id."""
        ...


def within(part: str, name: str) -> str:
    """The path of a file in its part's folder."""
    return f"{part}/{name}" if part else name
