"""Deleting what pre-annotation stored: the predictions of one model version, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from label_studio.client import LabelStudio
from label_studio.predictions import delete_predictions, ids_of_version
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing
from serve_app.cli.backend_client import TaskFailed
from serve_app.cli.console import TaskProgress
from serve_app.cli.crew import Crew
from serve_app.cli.interruptions import exit_status


@dataclass
class Deleted:
    """What was deleted. ``tasks``: how many had any; ``dry_run``: nothing was, these would be."""

    version: str
    dry_run: bool = False
    tasks: int = 0
    predictions: int = 0
    interrupted: bool = False
    stopped: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, predictions: int) -> None:
        """Those of one task."""
        with self.lock:
            self.tasks += predictions > 0
            self.predictions += predictions

    @property
    def status(self) -> int:
        """See ``exit_status``."""
        return exit_status(self)

    def summary(self) -> dict[str, Any]:
        """For programs."""
        return {
            "ok": self.status == 0,
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "model_version": self.version,
            "dry_run": self.dry_run,
            "tasks": self.tasks,
            "predictions": self.predictions,
        }

    def line(self) -> str:
        """For a person."""
        done = "would be deleted" if self.dry_run else "deleted"
        return f"{self.predictions} predictions of {self.version} {done}, of {self.tasks} tasks"


class Deleting:
    """Deletes the predictions of ``deleted.version`` of a project's tasks, of at most ``limit``."""

    def __init__(
        self,
        studio: LabelStudio,
        project: Project,
        deleted: Deleted,
        progress: TaskProgress,
        *,
        limit: int | None = None,
        only_unlabelled: bool = False,
    ) -> None:
        self._studio = studio
        self._deleted = deleted
        self._progress = progress
        self._limit = limit
        self._listing = TaskListing(studio, project.id, only_unlabelled=only_unlabelled, stored=True)
        self._gone_through = 0

    def run(self, at_once: int, stopped: threading.Event) -> None:
        """Do all, ``at_once`` at a time. Raises ``ServiceError``, KeyboardInterrupt."""
        crew = Crew(self._do, _raise, self._tell, "deleting predictions", self._progress)
        crew.run(islice(self._having(), self._limit), at_once, stopped)

    def _having(self) -> Iterator[ListedTask]:
        """The tasks that have any, or may have."""
        for task in self._listing:
            stored = task.stored
            if stored is None or stored.versions is None or self._deleted.version in stored.versions:
                yield task
            else:
                self._gone_through += 1

    def _do(self, task: ListedTask) -> None:
        ids = ids_of_version(self._studio, task.id, self._deleted.version)
        if not self._deleted.dry_run:
            delete_predictions(self._studio, ids)
        self._deleted.add(len(ids))

    def _tell(self) -> None:
        self._gone_through += 1
        self._progress.task_done(self._gone_through, self._listing.total, 0)


def _raise(task: ListedTask, failure: TaskFailed) -> None:
    raise failure
