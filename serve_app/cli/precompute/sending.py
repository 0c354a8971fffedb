"""Sending tasks to the backend, several at once, until all are sent or it makes no sense to go on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import chain, islice

from concurrency.abandonable import AbandonableGroup
from serve_app.cli.backend_client import TaskFailed, Unanswered
from serve_app.cli.errors import CommandError
from serve_app.cli.precompute.embed_route import EmbedRoute
from serve_app.cli.precompute.report import Report
from serve_app.cli.precompute.tasks import Task, Tasks
from serve_app.cli.task_progress import TaskProgress

GIVE_UP = 32
"""Tasks in a row without an answer, each after all its attempts, after which nothing more is sent."""


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
        self._progress.say(f"stopping: waiting a moment for {under_way} tasks under way; Ctrl-C leaves them")

    def _expected(self) -> int | None:
        totals = [source.total for source in self._sources]
        known = [total for total in totals if total is not None]
        if len(known) < len(totals):
            return None
        return sum(known) if self._limit is None else min(sum(known), self._limit)
