"""Sending tasks to the backend, several at once, and what came back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from serve_app.cli.backend_client import TaskFailed
from serve_app.cli.console import TaskProgress
from serve_app.cli.crew import Crew
from serve_app.cli.precompute.embed_route import EmbedRoute, Image
from serve_app.cli.precompute.task_sources import Task, Tasks


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that is not stored, or a task that none of whose images is."""

    project: int
    task: int | str
    code: str
    sentence: str


class Report:
    """Counts tasks and images; keeps the failures, and of the tasks that went well nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts = {"encoded": 0, "stored": 0, "failed": 0}
        self._start = clock()
        self._seconds: float | None = None
        self.tasks = 0
        self.without_image = 0
        self.failures: list[Failure] = []
        self.interrupted = False
        self.stopped: str | None = None

    def answered(self, task: Task, images: Iterable[Image]) -> None:
        """The backend told the states of the task's images."""
        with self._lock:
            self.tasks += 1
            found = list(images)
            self.without_image += not found
            for image in found:
                self._counts[image.state] += 1
                if image.state == "failed":
                    self._fail(task, image.code, image.sentence)

    def failed(self, task: Task, failure: TaskFailed) -> None:
        """The backend told nothing of the task's images."""
        with self._lock:
            self.tasks += 1
            self._fail(task, failure.code, failure.sentence)

    def end(self) -> None:
        """Stop the clock."""
        self._seconds = max(self._clock() - self._start, 1e-3)

    @property
    def ok(self) -> bool:
        """Whether all that was asked for is done."""
        return not (self.failures or self.interrupted or self.stopped)

    @property
    def status(self) -> int:
        """The exit status: 0, 1 when anything failed, 130 after Ctrl-C."""
        return 130 if self.interrupted else int(not self.ok)

    def summary(self) -> dict[str, Any]:
        """For machines. Counts are of images unless they say otherwise; the rate is of those now stored."""
        seconds = self._seconds or max(self._clock() - self._start, 1e-3)
        done = self._counts["encoded"] + self._counts["stored"]
        return {
            "ok": self.ok,
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "tasks": self.tasks,
            "tasks_without_image": self.without_image,
            "images": sum(self._counts.values()),
            **self._counts,
            "seconds": round(seconds, 3),
            "images_per_second": round(done / seconds, 3),
            "failures": [
                {"project": each.project, "task": each.task, "code": each.code, "sentence": each.sentence}
                for each in self.failures
            ],
        }

    def lines(self) -> list[str]:
        """For a person: one line, and a hint where it is worth one."""
        said = self.summary()
        lines = [
            f"{said['encoded']} encoded, {said['stored']} stored before, {len(self.failures)} failed; "
            f"{said['tasks']} tasks in {said['seconds']:.1f} s, {said['images_per_second']:.1f} images/s"
        ]
        if self.without_image:
            lines.append(f"{self.without_image} tasks show no image")
        if self.without_image == self.tasks > 0:
            lines.append("no task shows an image: check the labeling config of the project")
        if not self.ok:
            lines.append("run it again to continue; what is stored is not encoded again")
        return lines

    def _fail(self, task: Task, code: str, sentence: str) -> None:
        self.failures.append(Failure(task.project.id, task.id, code, sentence))


class TaskSender:
    """Sends the tasks of ``sources``, at most ``limit`` of them, and counts in ``report`` what comes back."""

    def __init__(
        self,
        route: EmbedRoute,
        sources: Sequence[Tasks],
        limit: int | None,
        report: Report,
        progress: TaskProgress,
    ) -> None:
        self._route = route
        self._sources = sources
        self._limit = limit
        self._report = report
        self._progress = progress

    def run(self, at_once: int, stopped: threading.Event) -> None:
        """Send all, ``at_once`` at a time. Raises ``ServiceError``, KeyboardInterrupt."""
        crew = Crew(self._send, self._report.failed, self._tell, "sending a task", self._progress)
        crew.run(islice(chain.from_iterable(self._sources), self._limit), at_once, stopped)

    def _send(self, task: Task) -> None:
        self._report.answered(task, self._route.embed(task))

    def _tell(self) -> None:
        self._progress.task_done(self._report.tasks, self._expected(), len(self._report.failures))

    def _expected(self) -> int | None:
        totals = [source.total for source in self._sources]
        known = [total for total in totals if total is not None]
        if len(known) < len(totals):
            return None
        return sum(known) if self._limit is None else min(sum(known), self._limit)
