"""What a second look comes to: the regions in which people and the model agree least."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from label_studio.tasks import ListedTask
from serve_app.cli.backend_client import TaskFailed, plain_line
from serve_app.cli.interruptions import exit_status

MOST = 10_000
"""Regions that are kept, and failures: those that agree least, and the first. Of more there is the number."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A region beside the model's. ``iou``: how far they agree, 0..1. ``score``: the model's own estimate of
    its mask. ``link``: where Label Studio opens the task."""

    task: int
    annotation: int
    region: str
    label: str
    kind: str
    iou: float
    score: float
    link: str


@dataclass(frozen=True, slots=True)
class NotLookedAt:
    """A region, or a whole task where that is "", and why."""

    task: int
    region: str
    sentence: str

    def __str__(self) -> str:
        which = f", region {self.region}" if self.region and self.region not in self.sentence else ""
        return f"task {self.task}{which}: {self.sentence}"


@dataclass
class LookedAt:
    """Told from any thread. ``tasks``, ``regions``: how many were looked at; ``stored``: tasks with a score.

    ``stopped``: why it ended early; ``interrupted``: by Ctrl-C or SIGTERM.
    """

    project: int
    tasks: int = 0
    regions: int = 0
    stored: int = 0
    model_version: str = ""
    not_looked_at: int = 0
    failures: list[NotLookedAt] = field(default_factory=list)
    stopped: str | None = None
    interrupted: bool = False
    _sum: float = 0.0
    _kept: list[tuple[float, int, Compared]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def looked(self, compared: Sequence[Compared] = (), version: str = "", *, stored: bool = False) -> None:
        """A task was looked at."""
        with self._lock:
            self.tasks += 1
            self.stored += stored
            self.model_version = version or self.model_version
            for each in compared:
                self.regions += 1
                self._sum += each.iou
                keep = heapq.heappush if len(self._kept) < MOST else heapq.heappushpop
                keep(self._kept, (-each.iou, -self.regions, each))

    def left_out(self, task: int, region: str, sentence: str) -> None:
        """Something was not looked at."""
        with self._lock:
            self.not_looked_at += 1
            if len(self.failures) < MOST:
                self.failures.append(NotLookedAt(task, plain_line(region), plain_line(sentence)))

    def failed(self, task: ListedTask, failure: TaskFailed) -> None:
        """A whole task was not."""
        with self._lock:
            self.tasks += 1
        self.left_out(task.id, "", failure.sentence)

    @property
    def worst(self) -> list[Compared]:
        """The kept regions, those that agree least first."""
        return sorted((each for *_, each in self._kept), key=lambda each: (each.iou, each.task))

    @property
    def mean(self) -> float | None:
        """The mean agreement of all regions; None where there is none."""
        return self._sum / self.regions if self.regions else None

    @property
    def status(self) -> int:
        """See ``exit_status``; failed where something was not looked at."""
        return exit_status(self, failed=self.not_looked_at > 0)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        mean = self.mean
        return {
            "ok": self.status == 0,
            "interrupted": self.interrupted,
            "stopped": self.stopped,
            "project": self.project,
            "model_version": self.model_version,
            "tasks": self.tasks,
            "regions": self.regions,
            "mean_iou": None if mean is None else round(mean, 4),
            "stored": self.stored,
            "worst": [asdict(each) for each in self.worst],
            "untold": self.regions - len(self._kept),
            "not_looked_at": self.not_looked_at,
            "failures": [asdict(each) for each in self.failures],
        }

    def table(self, most: int) -> Table:
        """For a person: the ``most`` regions that agree least."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("IoU", justify="right")
        table.add_column("score", justify="right")
        for heading in ("label", "kind", "region", "task"):
            table.add_column(heading, overflow="fold")
        for each in self.worst[:most]:
            words = (each.label, each.kind, each.region, each.link)
            table.add_row(
                f"{each.iou:.2f}", f"{each.score:.2f}", *(escape(plain_line(word)) for word in words)
            )
        return table

    def line(self) -> str:
        """For a person, at the end."""
        mean = "" if self.mean is None else f", mean IoU {self.mean:.2f}"
        stored = f", scores stored for {self.stored} tasks" if self.stored else ""
        left = f", {self.not_looked_at} could not be looked at" if self.not_looked_at else ""
        model = f" with {self.model_version}" if self.model_version else ""
        return f"{self.regions} regions of {self.tasks} tasks{model}{mean}{stored}{left}"
