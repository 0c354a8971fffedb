"""The tasks that commands send to the backend: Label Studio's, or made from files or addresses.

None of them holds all tasks at once: a project may have a hundred thousand. Of those that are made from a
folder of images or from addresses Label Studio need not have any.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from label_studio.api import Json
from label_studio.client import LabelStudio
from label_studio.projects import Project, project_of
from label_studio.tasks import TaskListing, task_of
from serve_app.cli.common_options import CommandError
from serve_app.cli.connect.images import SUFFIXES

PLAIN_CONFIG = '<View><Image name="image" value="$image"/></View>'
"""Labeling config of the tasks that are made here: one image each."""

LOCAL_FILES = "/data/local-files/?d="
STDIN = Path("-")

# What the backend decodes besides: Label Studio imports these from a folder although few browsers show them.
_SUFFIXES = SUFFIXES | {".tif", ".tiff"}


@dataclass(frozen=True, slots=True)
class Task:
    """A task and its project. ``id``: Label Studio's number, or a name for one that was made here."""

    id: int | str
    data: Json = field(repr=False)
    project: Project

    def body(self) -> dict[str, Json]:
        """The body of ``POST /embed``, shaped as Label Studio shapes that of ``/predict``."""
        return {
            "tasks": [{"id": self.id, "data": self.data}],
            "project": str(self.project.id),
            "label_config": self.project.label_config,
            "params": {"login": self.project.login, "password": self.project.password},
        }


class Tasks(Protocol):
    """Tasks in order, to be gone through once; ``total`` is how many there will be, None when not known."""

    @property
    def total(self) -> int | None:
        """How many, as far as is known now."""
        ...

    def __iter__(self) -> Iterator[Task]: ...


class ListedTasks:
    """The tasks of one project of Label Studio by rising id, asked for while they are sent.

    The project and its first tasks are read at once. Raises what ``LabelStudio`` raises, then and later.
    """

    def __init__(self, studio: LabelStudio, project: int, *, only_unlabelled: bool = False) -> None:
        self._project = project_of(studio, project)
        self._listing = TaskListing(studio, project, only_unlabelled=only_unlabelled)

    @property
    def total(self) -> int | None:
        """How many, as far as is known now."""
        return self._listing.total

    def __iter__(self) -> Iterator[Task]:
        for task in self._listing:
            yield Task(task.id, json.loads(task.data), self._project)


class NamedTasks:
    """Tasks of Label Studio by their ids, of whichever projects. Raises what ``LabelStudio`` raises."""

    def __init__(self, studio: LabelStudio, numbers: Sequence[int]) -> None:
        self._studio = studio
        self._numbers = list(dict.fromkeys(numbers))
        self._projects: dict[int, Project] = {}
        self.total: int | None = len(self._numbers)

    def __iter__(self) -> Iterator[Task]:
        for number in self._numbers:
            yield self._task(number)

    def _task(self, number: int) -> Task:
        found, project = task_of(self._studio, number)
        if project not in self._projects:
            self._projects[project] = project_of(self._studio, project)
        return Task(number, json.loads(found.data), self._projects[project])


def plain_projects(numbers: Sequence[int]) -> list[Project]:
    """Projects of which nothing needs to be known but their ids, for tasks that are made here."""
    return [Project(number, label_config=PLAIN_CONFIG) for number in numbers]


class FolderTasks:
    """One task for each image below a folder and each project, by the name Label Studio's local files have.

    ``folder`` must be in ``root``, the document root of the local files. Raises ``CommandError``.
    """

    def __init__(self, folder: Path, root: Path, projects: Iterable[Project]) -> None:
        self._folder, self._root = _inside(folder, root)
        self._projects = list(projects)
        count = sum(1 for _ in _images(self._folder))
        if not count:
            raise CommandError(f"--folder {folder}: no images in it ({', '.join(sorted(_SUFFIXES))})")
        self.total: int | None = count * len(self._projects)

    def __iter__(self) -> Iterator[Task]:
        for path in _images(self._folder):
            name = os.fsencode(path.relative_to(self._root).as_posix())
            value = LOCAL_FILES + quote(name)
            for project in self._projects:
                yield Task(name.decode("utf-8", "replace"), {"image": value}, project)


class AddressTasks:
    """One task for each line of a file and each project; empty, ``#`` and repeated lines are passed over.

    ``file`` may be ``-``, standard input. A task is called by the number of its line: an address may have a
    signature in it. Raises ``CommandError``.
    """

    def __init__(self, file: Path, projects: Iterable[Project]) -> None:
        self._file = file
        self._projects = list(projects)
        # Standard input can be read only once.
        self.total = None if file == STDIN else len(self._projects) * sum(1 for _ in self._addresses())

    def __iter__(self) -> Iterator[Task]:
        for number, address in self._addresses():
            for project in self._projects:
                yield Task(f"line {number}", {"image": address}, project)

    def _addresses(self) -> Iterator[tuple[int, str]]:
        seen: set[bytes] = set()
        for number, line in enumerate(self._lines(), start=1):
            address = line.strip()
            if not address or address.startswith("#"):
                continue
            # A line may be a whole image as a data: URL; its digest is small.
            digest = hashlib.sha256(address.encode("utf-8", "surrogateescape")).digest()[:16]
            if digest not in seen:
                seen.add(digest)
                yield number, address

    def _lines(self) -> Iterator[str]:
        if self._file == STDIN:
            yield from sys.stdin
            return
        try:
            with self._file.open(encoding="utf-8-sig", errors="replace") as lines:
                yield from lines
        except OSError as error:
            raise CommandError(f"--urls {self._file}: cannot be read: {error.strerror}") from error


class NamedImages:
    """One task for each of these images, by the values that tasks have, and each project."""

    def __init__(self, values: Sequence[str], projects: Sequence[Project]) -> None:
        self._values = values
        self._projects = projects
        self.total: int | None = len(values) * len(projects)

    def __iter__(self) -> Iterator[Task]:
        for project in self._projects:
            for number, value in enumerate(self._values, start=1):
                yield Task(number, {"image": value}, project)


def _inside(folder: Path, root: Path) -> tuple[Path, Path]:
    """Both absolute, the folder inside the root: as they are spelt if it is there, else without links."""
    for name, path in (("--folder", folder), ("--document-root", root)):
        if not path.is_dir():
            raise CommandError(f"{name} {path}: there is no such folder")
    # Label Studio names files by the links that lead to them, so links are followed only where it must be.
    spelt = Path(os.path.abspath(folder)), Path(os.path.abspath(root))  # noqa: PTH100 - resolve follows links
    for inner, outer in (spelt, (folder.resolve(), root.resolve())):
        if inner.is_relative_to(outer):
            return inner, outer
    raise CommandError(
        f"--folder {folder} is outside --document-root {root}, so Label Studio serves no local file of it"
    )


def _images(folder: Path) -> Iterator[Path]:
    """Image files below ``folder``, those of each folder in order of their names."""

    def refuse(error: OSError) -> None:
        raise CommandError(f"cannot read the folder {error.filename}: {error.strerror}") from error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                yield path
