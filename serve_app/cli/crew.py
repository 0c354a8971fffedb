"""A crew: the work of a command on many tasks, several at once, until it makes no sense to go on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from concurrency.abandonable import AbandonableGroup
from serve_app.cli.backend_client import TaskFailed, Unanswered
from serve_app.cli.common_options import CommandError
from serve_app.cli.console import TaskProgress

T = TypeVar("T")

GIVE_UP = 16
"""Tasks in a row without an answer, each after all its attempts, after which nothing more is done."""


class Crew(Generic[T]):
    """Calls ``work`` with each task. What it raises of ``TaskFailed`` is told to ``failed``, anything else
    ends all.

    ``done`` is called after each task, one call at a time. ``name``: of the work, for its threads.
    """

    def __init__(
        self,
        work: Callable[[T], None],
        failed: Callable[[T, TaskFailed], None],
        done: Callable[[], None],
        name: str,
        progress: TaskProgress,
    ) -> None:
        self._work = work
        self._failed = failed
        self._done = done
        self._name = name
        self._progress = progress
        self._lock = threading.Lock()
        self._unanswered = 0

    def run(self, tasks: Iterable[T], at_once: int, stopped: threading.Event) -> None:
        """Do all, ``at_once`` at a time. Raises ``ServiceError``, KeyboardInterrupt."""
        self._stopped = stopped
        # Not an executor's threads: the interpreter would wait at its end until the last request is answered.
        group = AbandonableGroup(at_once, self._do, self._name, stopped, self._stopping)
        with self._progress, group:
            for task in tasks:
                group.give(task)
            group.finish()

    def _do(self, task: T) -> None:
        try:
            self._work(task)
            self._unanswered = 0
        except Unanswered as failure:
            if self._stopped.is_set():
                return  # nobody waited for its answer: it is not done, and not failed either
            self._failed(task, failure)
            self._count_unanswered(failure)
        except TaskFailed as failure:
            self._failed(task, failure)
            self._unanswered = 0
        with self._lock:
            self._done()

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
