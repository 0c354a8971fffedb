"""What a pre-annotation would do, and how long it would take: counted, and tried on a few tasks."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from label_studio.api import Refused
from label_studio.projects import Project
from label_studio.tasks import ListedTask
from protocol.bodies.preannotate import Things, Wanted
from protocol.boxes import count_boxes
from serve_app.cli.backend_client import TaskFailed, plain_line
from serve_app.cli.console import TaskProgress, task_progress
from serve_app.cli.crew import Crew
from serve_app.cli.interruptions import exit_status
from serve_app.cli.preannotate.boxed_tasks import BoxedTasks
from serve_app.cli.preannotate.preannotate_route import PreannotateRoute

TRIED = 8
"""Tasks whose masks are made to see how long it takes; they are not stored."""


@dataclass
class Estimate:
    """What would be done.

    ``tasks``: gone through; ``todo``: of these, how many have boxes and no masks, or what is
    ``wanted`` in place of boxes; ``seconds``: what they would take, by so many ``tried``, whose ``masks`` are
    counted. ``failed``: why those that were tried failed.
    """

    wanted: Wanted | None = None

    tasks: int = 0
    todo: int = 0
    stored_before: int = 0
    without_boxes: int = 0
    boxes: int = 0
    tried: int = 0
    masks: int = 0
    seconds: float | None = None
    failed: list[str] = field(default_factory=list)
    interrupted: bool = False
    stopped: str | None = None

    @property
    def status(self) -> int:
        """See ``exit_status``."""
        return exit_status(self)

    def summary(self) -> dict[str, Any]:
        """For programs. ``seconds``: what all would take, None where it is not known."""
        return {
            "ok": self.status == 0,
            "dry_run": True,
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "tasks": self.tasks,
            "todo": self.todo,
            "boxes": self.boxes,
            "stored_before": self.stored_before,
            "without_boxes": self.without_boxes,
            "tried": self.tried,
            "masks": self.masks,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "failures": self.failed,
        }

    def lines(self) -> list[str]:
        """For a person."""
        boxes = f" with {self.boxes} boxes" if self.wanted is None else ""
        without = f", {self.without_boxes} have no boxes" if self.wanted is None else ""
        done = "be looked at" if isinstance(self.wanted, Things) else "get masks"
        lines = [
            f"{self.todo} tasks{boxes} would {done}; {self.stored_before} have "
            f"predictions of this model{without}; nothing was stored"
        ]
        if self.seconds is not None:
            made = f", with {self.masks} masks" if self.wanted is not None else ""
            lines.append(f"about {duration(self.seconds)}, by {self.tried} tasks that were tried{made}")
        return [*lines, *self.failed]


def duration(seconds: float) -> str:
    """Seconds as a person says them: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


class Estimating:
    """Goes through a project's tasks and stores nothing. ``limit``: of tasks that would get masks.

    ``overwrite``: also those that have a prediction of the model.
    """

    def __init__(
        self,
        project: Project,
        tasks: BoxedTasks,
        route: PreannotateRoute,
        estimate: Estimate,
        progress: TaskProgress,
        *,
        limit: int | None = None,
        overwrite: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._project = project
        self._tasks = tasks
        self._route = route
        self._estimate = estimate
        self._progress = progress
        self._limit = limit
        self._overwrite = overwrite
        self._clock = clock
        self._lock = threading.Lock()
        self._sample: list[tuple[ListedTask, tuple[msgspec.Raw, ...]]] = []
        self._random = np.random.default_rng(0)

    def run(self, at_once: int, stopped: threading.Event) -> None:
        """Count, and try. Raises ``ServiceError``, KeyboardInterrupt."""
        found = self._estimate
        crew = Crew(self._look, self._fail, self._tell, "reading tasks", self._progress)
        crew.run(self._tasks.listing, at_once, stopped)
        found.todo = found.todo if self._limit is None else min(found.todo, self._limit)
        began = self._clock()
        trying = Crew(
            self._try,
            lambda tried, why: self._fail(tried[0], why),
            lambda: None,
            "trying",
            task_progress(quiet=True),
        )
        trying.run(self._sample, at_once, stopped)
        if found.tried:
            found.seconds = (self._clock() - began) / found.tried * found.todo

    def _look(self, task: ListedTask) -> None:
        if not self._overwrite and self._tasks.stored_before(task):
            self._count(stored_before=1)
            return
        try:
            results = self._tasks.results(task)
        except Refused as error:
            raise TaskFailed("refused", plain_line(error.detail)) from None
        if results is None:
            self._count(without_boxes=1)
            return
        self._count(todo=1, boxes=count_boxes(results))
        with self._lock:
            # Of all alike, by reservoir sampling: the first tasks of a project are often not like the others.
            place = int(self._random.integers(self._estimate.todo))
            if len(self._sample) < TRIED:
                self._sample.append((task, results))
            elif place < TRIED:
                self._sample[place] = (task, results)

    def _try(self, tried: tuple[ListedTask, tuple[msgspec.Raw, ...]]) -> None:
        made = self._route.masks(self._project, *tried)
        with self._lock:
            self._estimate.tried += 1
            self._estimate.masks += made.masks

    def _fail(self, task: ListedTask, failure: TaskFailed) -> None:
        with self._lock:
            self._estimate.failed.append(f"task {task.id}: {failure.sentence} ({failure.code})")

    def _count(self, **counts: int) -> None:
        with self._lock:
            for name, count in counts.items():
                setattr(self._estimate, name, getattr(self._estimate, name) + count)

    def _tell(self) -> None:
        self._estimate.tasks += 1
        self._progress.task_done(self._estimate.tasks, self._tasks.listing.total, len(self._estimate.failed))
