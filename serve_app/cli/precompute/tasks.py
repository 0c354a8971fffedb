"""The tasks that commands send to the backend: Label Studio's, or made from files or addresses.

None of them holds all tasks at once: a project may have a hundred thousand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from tenacity.wait import WaitBaseT

from label_studio.api import Json, LabelStudioError, Refused
from label_studio.client import LabelStudio
from serve_app.cli.errors import CommandError

WINDOW = 100
"""Tasks asked for at once."""

BACK_OFF: WaitBaseT = wait_random_exponential(multiplier=1, max=30)
ATTEMPTS = 5

PLAIN_CONFIG = '<View><Image name="image" value="$image"/></View>'
"""Labeling config of the tasks that are made here: one image each."""


@dataclass(frozen=True, slots=True)
class Project:
    """What goes along with each task of a project. ``login``, ``password``: for the images' host, or None."""

    id: int
    label_config: str = PLAIN_CONFIG
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


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
    """The tasks of one project of Label Studio by rising id, asked for in windows while they are sent.

    Windows go on behind the last id and not by page: tasks that are added or deleted meanwhile move nothing.
    The project and its first window are read at once. Raises ``ServiceError``, then and later.
    """

    def __init__(self, studio: LabelStudio, project: int, *, only_unlabelled: bool = False) -> None:
        self._studio = studio
        self._only_unlabelled = only_unlabelled
        self._project = _project(studio, project)
        self._first, self.total = self._window(0)

    def __iter__(self) -> Iterator[Task]:
        window, sent = self._first, 0
        while window:
            yield from window
            sent += len(window)
            window, more = self._patiently(window[-1].id)
            self.total = sent + more

    def _patiently(self, last: int | str) -> tuple[list[Task], int]:
        """The window behind ``last``. A restart of Label Studio must not end the work of hours."""
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS), wait=BACK_OFF, retry=retry_if_exception(_passes), reraise=True
        )
        return retrying(self._window, last)

    def _window(self, last: int | str) -> tuple[list[Task], int]:
        """The tasks behind the id ``last``, and how many tasks are behind it in all."""
        query = json.dumps(_query(last, self._only_unlabelled))
        page = self._studio.get(
            "/api/tasks",
            project=self._project.id,
            page_size=WINDOW,
            fields="task_only",
            include="id,data",
            query=query,
        )
        try:
            window = [Task(int(task["id"]), task["data"], self._project) for task in page["tasks"]]
            total = int(page["total"])
        except (KeyError, TypeError, ValueError):
            raise self._studio.at.unlike("list tasks") from None
        numbers = [last, *(task.id for task in window)]
        if any(int(after) <= int(before) for before, after in pairwise(numbers)):
            # Going on would send the same tasks for ever.
            raise LabelStudioError(
                f"Label Studio at {self._studio.url} does not list the tasks of project {self._project.id} "
                "by their ids; it may be too old for this command"
            )
        return window, total


class NamedTasks:
    """Tasks of Label Studio by their ids, whichever projects they are of. Raises ``ServiceError``."""

    def __init__(self, studio: LabelStudio, numbers: Sequence[int]) -> None:
        self._studio = studio
        self._numbers = list(dict.fromkeys(numbers))
        self._projects: dict[int, Project] = {}
        self.total: int | None = len(self._numbers)

    def __iter__(self) -> Iterator[Task]:
        for number in self._numbers:
            yield self._task(number)

    def _task(self, number: int) -> Task:
        try:
            found = self._studio.get(f"/api/tasks/{number}/")
        except Refused as error:
            if error.answered == 404:
                raise CommandError(f"Label Studio has no task {number} that this token may see") from error
            raise
        try:
            project, data = int(found["project"]), found["data"]
        except (KeyError, TypeError, ValueError):
            raise self._studio.at.unlike("show tasks") from None
        if project not in self._projects:
            self._projects[project] = _project(self._studio, project)
        return Task(number, data, self._projects[project])


def _project(studio: LabelStudio, number: int) -> Project:
    try:
        found = studio.get(f"/api/projects/{number}/")
    except Refused as error:
        if error.answered == 404:
            raise CommandError(f"Label Studio has no project {number} that this token may see") from error
        raise
    return Project(
        number,
        str(found.get("label_config") or "<View></View>"),
        found.get("task_data_login") or None,
        found.get("task_data_password") or None,
    )


def _query(last: int | str, only_unlabelled: bool) -> Json:
    """As the data manager of Label Studio 1.23 asks."""
    items: list[Json] = [
        {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
    ]
    if only_unlabelled:
        unlabelled = {
            "filter": "filter:tasks:completed_at",
            "operator": "empty",
            "type": "Datetime",
            "value": True,
        }
        items.append(unlabelled)
    return {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}


def _passes(error: BaseException) -> bool:
    """Whether it may be better a little later: no answer, or a server in trouble."""
    if isinstance(error, Refused):
        return error.answered >= 500 or error.answered == 429
    return isinstance(error, LabelStudioError)
