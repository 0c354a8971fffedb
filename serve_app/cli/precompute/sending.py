"""Sending tasks to the backend, several at once, and what came back, until it makes no sense to go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from concurrency.abandonable import AbandonableGroup
from serve_app.cli.backend_client import TaskFailed, Unanswered
from serve_app.cli.common_options import CommandError
from serve_app.cli.console import TaskProgress
from serve_app.cli.precompute.embed_route import EmbedRoute, Image
from serve_app.cli.precompute.task_sources import Task, Tasks

GIVE_UP = 32
"""Tasks in a row without an answer, each after all its attempts, after which nothing more is sent."""


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
        self._lock = threading.Lock()
        self._unanswered = 0

    def run(self, at_once: int, stopped: threading.Event) -> None:
        """Send all, ``at_once`` at a time. Raises ``ServiceError``, KeyboardInterrupt."""
        self._stopped = stopped
        # Not an executor's threads: the interpreter would wait at its end until the last request is answered.
        group = AbandonableGroup(at_once, self._send, "sending a task", stopped, self._stopping)
        with self._progress, group:
            for task in islice(chain.from_iterable(self._sources), self._limit):
                group.give(task)
            group.finish()

    def _send(self, task: Task) -> None:
        try:
            self._report.answered(task, self._route.embed(task))
            self._unanswered = 0
        except Unanswered as failure:
            if self._stopped.is_set():
                return  # nobody waited for its answer: it is not done, and not failed either
            self._report.failed(task, failure)
            self._count_unanswered(failure)
        except TaskFailed as failure:
            self._report.failed(task, failure)
            self._unanswered = 0
        with self._lock:
            self._progress.task_done(self._report.tasks, self._expected(), len(self._report.failures))

    def _count_unanswered(self, failure: Unanswered) -> None:
        with self._lock:
            self._unanswered += 1
            gone = self._unanswered >= GIVE_UP
        if gone:
            why = failure.sentence
            raise CommandError(f"gave up after {GIVE_UP} tasks in a row without an answer: {why}")

    def _stopping(self, under_way: int) -> None:
        self._progress.say(
            f"stopping: waiting briefly for {under_way} tasks in progress; press Ctrl-C again to stop at once"
        )

    def _expected(self) -> int | None:
        totals = [source.total for source in self._sources]
        known = [total for total in totals if total is not None]
        if len(known) < len(totals):
            return None
        return sum(known) if self._limit is None else min(sum(known), self._limit)
