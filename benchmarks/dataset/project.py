"""The annotations of a project in Label Studio: their regions are the truth, as `export` reads them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.dataset.things import SEED, NoThings, Picture, Thing, Told
from exports import pictures as exported
from exports.annotations import AnnotationReader, Read, chosen, read_annotations
from exports.classes import Classes
from exports.shapes import Kind
from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing, annotations_of
from protocol.bodies.task import Task
from protocol.label_config import parse
from serve_app.cli.export.image_files import ImageFiles
from values.errors import ServiceError

OUTLINES: tuple[Kind, ...] = ("brush", "bitmask", "polygon", "ellipse")
"""Kinds of regions that follow the border of a thing. Rectangles do not."""


class ProjectSource:
    """Draws annotated tasks by lot, at most ``most`` of them; their images go to ``folder``.

    ``kinds``: of the regions that count. ``only_accepted``: only annotations that a reviewer accepted.
    """

    def __init__(
        self,
        studio: LabelStudio,
        project: Project,
        files: ImageFiles,
        folder: Path,
        most: int,
        *,
        kinds: tuple[Kind, ...] = OUTLINES,
        only_accepted: bool = False,
    ) -> None:
        self._studio = studio
        self._project = project
        self._files = files
        self._folder = folder
        self._most = most
        self._kinds = kinds
        self._only_accepted = only_accepted
        config = parse(project.label_config)
        self._reader = AnnotationReader(config, Classes.of(config))

    def pictures(self, told: Told) -> Iterator[Picture]:
        """Those with regions of the kinds. Raises NoThings, and what ``LabelStudio`` raises."""
        listing = TaskListing(self._studio, self._project.id, only_annotated=True)
        tasks = drawn_by_lot(listing, self._most)
        if not tasks:
            raise NoThings(f"no task of project {self._project.id} is annotated")
        number = 0
        for task in tasks:
            read = self._read(task)
            for each in read.left_out:
                told.leave_out(f"task {task.id}: {each.sentence}")
            for picture in read.pictures:
                things = self._things(picture, told)
                path = self._folder / f"picture-{number}"
                if things and self._fetched(picture, path, told):
                    number += 1
                    name = f"task {task.id}" + (f", image {picture.item + 1}" if picture.item else "")
                    yield Picture(name, path, things)

    def _read(self, task: ListedTask) -> Read:
        try:
            annotations = read_annotations(annotations_of(self._studio, task.id))
        except Refused as error:
            if error.answered != 404:
                raise
            return Read([], [])  # it was deleted meanwhile
        except msgspec.MsgspecError:
            raise self._studio.at.unlike("show annotations") from None
        annotation = chosen(annotations, only_accepted=self._only_accepted)
        if annotation is None:
            return Read([], [])
        return self._reader.read(Task(task.id, msgspec.Raw(task.data)), annotation)

    def _things(self, picture: exported.Picture, told: Told) -> list[Thing]:
        found = [each for each in picture.objects if each.shape.kind in self._kinds]
        if others := len(picture.objects) - len(found):
            told.leave_out(
                f"task {picture.task}: {others} regions that are none of {', '.join(self._kinds)} (--kinds)"
            )
        return [Thing(f"region {each.region} ({each.label})", each.shape.runs) for each in found]

    def _fetched(self, picture: exported.Picture, path: Path, told: Told) -> bool:
        """Whether its file is at ``path`` now."""
        try:
            path.write_bytes(self._files.content_of(picture))
        except ServiceError as error:
            told.leave_out(error.detail)
            return False
        return True


def drawn_by_lot(listing: TaskListing, most: int) -> list[ListedTask]:
    """``most`` tasks of a listing in a random order, which the listing alone decides.

    Each has the same chance, and no more are kept: Vitter's "Algorithm R" (1985).
    """
    lot = random.Random(SEED)
    kept: list[ListedTask] = []
    for count, task in enumerate(listing):
        if len(kept) < most:
            kept.append(task)
        elif (place := lot.randrange(count + 1)) < most:
            kept[place] = task
    lot.shuffle(kept)
    return kept
