"""What a pre-annotation came to: counts, and what failed and why."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from label_studio.tasks import ListedTask
from protocol.bodies.preannotate import Things, Wanted
from serve_app.cli.backend_client import TaskFailed
from serve_app.cli.interruptions import exit_status
from serve_app.cli.preannotate.preannotate_route import Masks

MOST = 10_000
"""Failures that are kept, and told at the end; of more there is only the number."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A box that has no mask, or a task whose ``region`` is ""."""

    task: int
    region: str
    code: str
    sentence: str

    def __str__(self) -> str:
        which = f", region {self.region}" if self.region and self.region not in self.sentence else ""
        return f"task {self.task}{which}: {self.sentence} ({self.code})"


class Report:
    """Counts tasks, boxes and masks; keeps failures, and of what went well nothing. Told from any thread.

    ``wanted``: what masks were made of, None for boxes. ``tasks``: how many were gone through. ``stopped``:
    why it ended early; ``interrupted``: by Ctrl-C or SIGTERM.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, wanted: Wanted | None = None) -> None:
        self._clock = clock
        self._wanted = wanted
        self._lock = threading.Lock()
        self._start = clock()
        self._seconds: float | None = None
        self.counts = dict.fromkeys(
            ("stored", "stored_before", "without_boxes", "nothing_found", "boxes", "masks", "failed"), 0
        )
        self.tasks = 0
        self.failures: list[Failure] = []
        self.interrupted = False
        self.stopped: str | None = None

    def stored_before(self) -> None:
        """A task has a prediction of this model."""
        self._count(stored_before=1)

    def without_boxes(self) -> None:
        """A task has nothing that would become a mask."""
        self._count(without_boxes=1)

    def done(self, task: ListedTask, masks: Masks, *, stored: bool) -> None:
        """The masks of a task were made, and ``stored`` or found to be there already."""
        self._count(
            boxes=masks.boxes,
            masks=masks.masks if stored else 0,
            stored=stored,
            stored_before=masks.masks > 0 and not stored,
            nothing_found=isinstance(self._wanted, Things) and not masks.masks and not masks.left_out,
        )
        with self._lock:
            for each in masks.left_out:
                self._fail(Failure(task.id, each.region, each.code, each.sentence))

    def failed(self, task: ListedTask, failure: TaskFailed) -> None:
        """Nothing is known of a task's masks, or they could not be stored."""
        self._count()
        with self._lock:
            self._fail(Failure(task.id, "", failure.code, failure.sentence))

    def end(self) -> None:
        """Stop the clock."""
        self._seconds = max(self._clock() - self._start, 1e-3)

    @property
    def status(self) -> int:
        """The exit status: 0, 1 when anything failed, 130 after Ctrl-C or SIGTERM."""
        return exit_status(self, failed=self.counts["failed"] > 0)

    def summary(self) -> dict[str, Any]:
        """For programs."""
        seconds = self._seconds or max(self._clock() - self._start, 1e-3)
        return {
            "ok": self.status == 0,
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "tasks": self.tasks,
            **self.counts,
            "seconds": round(seconds, 3),
            "tasks_per_second": round(self.counts["stored"] / seconds, 3),
            "failures": [asdict(each) for each in self.failures],
            "untold": self.untold,
        }

    @property
    def untold(self) -> int:
        """Failures that are only counted."""
        return self.counts["failed"] - len(self.failures)

    def lines(self) -> list[str]:
        """For a person."""
        said = self.summary()
        of = f" of {said['boxes']} boxes" if self._wanted is None else ""
        without = f", {said['without_boxes']} have no boxes" if self._wanted is None else ""
        if isinstance(self._wanted, Things):
            without = f", in {said['nothing_found']} nothing is found"
        lines = [
            f"{said['masks']} masks{of}, stored for {said['stored']} tasks; "
            f"{said['stored_before']} tasks have predictions of this model{without}, {said['failed']} "
            f"failures; {said['tasks']} tasks in {said['seconds']:.1f} s"
        ]
        if self.status:
            lines.append("run it again to continue; what is stored is not made again")
        return lines

    def _count(self, **counts: int) -> None:
        with self._lock:
            self.tasks += 1
            for name, count in counts.items():
                self.counts[name] += count

    def _fail(self, failure: Failure) -> None:
        self.counts["failed"] += 1
        if len(self.failures) < MOST:
            self.failures.append(failure)
