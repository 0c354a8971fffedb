"""The tasks that commands send to the backend: Label Studio's, or made from files or addresses.

None of them holds all tasks at once: a project may have a hundred thousand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from label_studio.api import Json
from label_studio.client import LabelStudio
from label_studio.projects import Project, project_of
from label_studio.tasks import TaskListing, task_of

PLAIN_CONFIG = '<View><Image name="image" value="$image"/></View>'
"""Labeling config of the tasks that are made here: one image each."""


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
