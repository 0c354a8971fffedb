"""A data set that grows task by task: the files of its format, and what tells which picture is which."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Protocol

from exports.annotations import Read
from exports.classes import Classes
from exports.file_names import FileNames, place_of
from exports.formats.format import Format
from exports.output_folder import OutputFolder
from exports.pictures import LeftOut, Picture, Size
from exports.splits import Splits
from values.errors import ServiceError
from values.evidence import Content

Json = Any

PICTURES = "pictures.jsonl"
"""A line for each picture: its file, its task, and its objects in order."""
LEFT_OUT = "left-out.jsonl"
"""A line for all that is not in the data set although it was annotated, with the reason."""
CLASSES = "classes.txt"
"""The names of the classes, by id from 0."""

COUNTS = (
    "tasks",
    "pictures",
    "objects",
    "left_out",
    "no_annotation",
    "several_annotations",
    "points",
    "several_labels",
)


class PictureFiles(Protocol):
    """Where the files of pictures are read. Raises the ServiceError that says why one cannot be."""

    def size_of(self, picture: Picture) -> Size:
        """Width and height as browsers show it."""
        ...

    def content_of(self, picture: Picture) -> Content:
        """The file as it is."""
        ...


class DataSet:
    """Writes the tasks of one project into a folder. Raises ExportError.

    ``counts``: of what was written so far, by earlier runs of the same export too. ``files``: asked for the
    size of a picture that no region tells, and with ``copies`` for every picture's file.
    """

    def __init__(
        self,
        output: OutputFolder,
        made: Format,
        project: int,
        splits: Splits,
        classes: Classes,
        files: PictureFiles,
        *,
        copies: bool = False,
    ) -> None:
        self._output = output
        self._format = made
        self._project = project
        self._splits = splits
        self._classes = classes
        self._files = files
        self._copies = copies
        state = output.state
        self.counts: dict[str, int] = state.setdefault("counts", dict.fromkeys(COUNTS, 0))
        classes.meet(state.setdefault("met", []))
        self._names = FileNames(json.loads(line)["picture"] for line in output.lines(PICTURES))

    @property
    def last_task(self) -> int:
        """The id of the last task that was added, 0 for none."""
        return int(self._output.state.get("last_task", 0))

    def add(self, task: int, read: Read) -> list[LeftOut]:
        """Add what an annotation holds. Returns what is left out of it."""
        part = self._splits.part(self._project, task)
        left_out = [*read.left_out]
        for picture in read.pictures:
            try:
                self._add(self._sized(picture), part)
            except _NotWhole as error:
                left_out.append(LeftOut(task, "", str(error)))
        for each in left_out:
            self.counts["left_out"] += 1
            self._output.add_line(LEFT_OUT, {"task": each.task, "region": each.region, "why": each.sentence})
        self.counts["points"] += read.points
        self.counts["several_labels"] += read.several
        return left_out

    def done(self, task: int) -> None:
        """The task is gone through: an export that is interrupted goes on behind it."""
        self.counts["tasks"] += 1
        state = self._output.state
        state["last_task"], state["met"] = task, self._classes.met
        self._output.save()

    def finish(self) -> None:
        """Write what comes last."""
        self._format.finish(self._classes.names)
        names = "".join(f"{' '.join(name.split())}\n" for name in self._classes.names)
        self._output.write(CLASSES, names.encode("utf-8", "replace"))
        self._output.finish()

    def _sized(self, picture: Picture) -> Picture:
        if picture.size is not None or not self._format.needs_size:
            return picture
        try:
            return replace(picture, size=self._files.size_of(picture))
        except ServiceError as error:
            raise _NotWhole(f"no region tells the size of its picture: {error.detail}") from None

    def _add(self, picture: Picture, part: str) -> None:
        """Add a picture. Raises _NotWhole where all but its file is added."""
        name = self._names.name_of(picture.image, picture.task)
        self._format.add(picture, name, part)
        self._output.add_line(PICTURES, _described(picture, name, part))
        self.counts["pictures"] += 1
        self.counts["objects"] += len(picture.objects)
        if self._copies:
            try:
                content = self._files.content_of(picture)
            except ServiceError as error:
                raise _NotWhole(f"its objects are in the data set, its file is not: {error.detail}") from None
            self._output.write(self._format.image_path(name, part), content)


class _NotWhole(Exception):
    """A picture that is not in the data set, or without its file; the text says why."""


def _described(picture: Picture, name: str, part: str) -> Json:
    width, height = picture.size or (None, None)
    return {
        "picture": name,
        "split": part,
        "task": picture.task,
        "annotation": picture.annotation,
        "image": place_of(picture.image),
        "item": picture.item,
        "width": width,
        "height": height,
        "objects": [
            {
                "region": each.region,
                "label": each.label,
                "class_id": each.class_id,
                "kind": each.shape.kind,
                "area": each.shape.runs.area,
                "box": [round(edge, 2) for edge in each.shape.box],
            }
            for each in picture.objects
        ],
    }
