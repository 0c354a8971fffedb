"""Pre-annotation under way: task by task goes to the backend, and its masks to Label Studio."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import msgspec

from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.predictions import Prediction, store_once
from label_studio.projects import Project, project_of
from label_studio.tasks import ListedTask, patiently
from serve_app.cli.backend_client import TaskFailed, plain_line
from serve_app.cli.console import TaskProgress
from serve_app.cli.crew import Crew
from serve_app.cli.preannotate.boxed_tasks import BoxedTasks
from serve_app.cli.preannotate.preannotate_route import Masks, PreannotateRoute
from serve_app.cli.preannotate.report import Report
from values.errors import ImageUnreachable


class Annotating:
    """Makes the masks of a project's tasks, of at most ``limit``. Of none more than one is in each thread.

    ``overwrite``: also where a prediction of the model is stored, which is replaced.
    """

    def __init__(
        self,
        studio: LabelStudio,
        project: Project,
        tasks: BoxedTasks,
        route: PreannotateRoute,
        report: Report,
        progress: TaskProgress,
        *,
        limit: int | None = None,
        overwrite: bool = False,
    ) -> None:
        self._studio = studio
        self._project = project
        self._tasks = tasks
        self._route = route
        self._report = report
        self._progress = progress
        self._limit = limit
        self._overwrite = overwrite
        self._lock = threading.Lock()
        self._taken = 0

    def run(self, at_once: int, stopped: threading.Event) -> None:
        """Do all, ``at_once`` at a time. Raises ``ServiceError``, KeyboardInterrupt."""
        crew = Crew(self._do, self._report.failed, self._tell, "making masks", self._progress)
        crew.run(self._listed(), at_once, stopped)

    def _listed(self) -> Iterator[ListedTask]:
        for task in self._tasks.listing:
            if self._limit is not None and self._taken >= self._limit:
                return
            yield task

    def _do(self, task: ListedTask) -> None:
        if not self._overwrite and self._tasks.stored_before(task):
            self._report.stored_before()
            return
        try:
            self._annotate(task)
        except Refused as error:
            # A task that was deleted meanwhile, or one that Label Studio has trouble with.
            raise TaskFailed("refused", plain_line(error.detail)) from None

    def _annotate(self, task: ListedTask) -> None:
        results = self._tasks.results(task)
        if results is None:
            self._report.without_boxes()
        elif self._take():
            masks = self._masks(task, results)
            stored = masks.masks > 0 and store_once(
                self._studio,
                self._project.id,
                Prediction(task.id, masks.model_version, masks.score, masks.result),
                replace=self._overwrite,
            )
            self._report.done(task, masks, stored=stored)

    def _masks(self, task: ListedTask, results: Sequence[msgspec.Raw]) -> Masks:
        """The masks of a task. Raises what ``PreannotateRoute.masks`` raises, and ``ServiceError``."""
        masks = self._route.masks(self._project, task, results)
        if all(each.code != ImageUnreachable.code for each in masks.left_out):
            return masks
        # The picture may be in a Label Studio that is being started anew: once that answers it has it again.
        patiently(project_of, self._studio, self._project.id)
        return self._route.masks(self._project, task, results)

    def _take(self) -> bool:
        """Whether one more task is within the limit."""
        with self._lock:
            within = self._limit is None or self._taken < self._limit
            self._taken += within
        return within

    def _tell(self) -> None:
        self._progress.task_done(self._report.tasks, self._tasks.listing.total, self._report.counts["failed"])
