"""Journal: what is known of each project, gathered from all ingress replicas: its last failures above all.

Label Studio shows annotators nothing of a backend's error, and does not tell that it stored no mask: both
must be findable somewhere.

Serve runs these methods in threads, several at once: each holds the lock for as long as it reads or writes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from sys import getsizeof

from deployments.bounded_cache import BoundedCache
from deployments.claims import Claims
from deployments.failure_lines import FailureLines
from deployments.observability import observe
from deployments.replica_log import say_aloud
from deployments.retrieved import Retrievals, Retrieved
from deployments.saved_without_mask import SavedAnnotations, SavedWithoutMask
from protocol.bodies.task import ID_LIMIT
from values.one_line import NAME_LIMIT, one_line, sentence

CLICKS = "/predict"
"""The route of clicks."""

PROJECTS = 1000
"""Projects of which anything is kept, those that sent something last."""

ENTRIES = 20
"""Failures of one project."""

FAILURES_BYTES, WARNINGS_BYTES = 2 * 2**20, 2**20
"""Memory of all failures, and of all warnings: what /diagnose is told at once goes into one message between
replicas, which has 4 MiB at most."""

WARNINGS = 20
"""Sentences about one labeling config; the last of more says how many there are."""

SHORT_LIMIT = NAME_LIMIT
"""Characters of a task's or a request's id, a route and a code."""

TOKEN_LIMIT = 4096
"""Bytes of a token; a longer one is none of Label Studio's."""

CONFIG_LIMIT = 2**20
"""Bytes of a labeling config that is kept, in UTF-8."""

CONFIGS_BYTES = 64 * 2**20
"""Memory of all labeling configs."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that failed, or found no mask. ``sentence`` holds no secret; ``at`` is in Unix seconds.

    Each text is cut to its limit here, on one line, before it goes anywhere.
    """

    project: str
    task: str
    route: str
    code: str
    status: int
    sentence: str
    request_id: str
    at: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, str):
                kept = sentence(value) if each.name == "sentence" else one_line(value, SHORT_LIMIT)
                object.__setattr__(self, each.name, kept)


def shortened(sentences: list[str]) -> list[str]:
    """Warnings as they are kept: few, and each within its limit."""
    shown = [sentence(each) for each in sentences[:WARNINGS]]
    if len(sentences) > WARNINGS:
        shown[-1] = f"and {len(sentences) - WARNINGS + 1} more"
    return shown


def is_kept(label_config: str) -> bool:
    """Whether a labeling config is short enough to be kept."""
    return len(label_config) <= CONFIG_LIMIT and len(label_config.encode(errors="replace")) <= CONFIG_LIMIT


class Journal:
    """Keeps the newest failures of the projects that failed last, and what /setup brought of each project."""

    def __init__(self, say: Callable[[str], None] = say_aloud) -> None:
        """``say``: prints a line where the application was started."""
        observe()
        self._lock = threading.Lock()
        self._lines = FailureLines(say)
        self._failures = BoundedCache[deque[Failure]](PROJECTS, FAILURES_BYTES, _size_of_failures)
        self._warnings = BoundedCache[list[str]](
            PROJECTS, WARNINGS_BYTES, lambda texts: sum(map(getsizeof, texts))
        )
        self._tokens = BoundedCache[str](PROJECTS, PROJECTS * TOKEN_LIMIT, getsizeof)
        self._configs = BoundedCache[str](PROJECTS, CONFIGS_BYTES, getsizeof)
        self._saved = SavedAnnotations()
        self._claims = Claims()
        self._retrievals = Retrievals()

    def record(self, failure: Failure) -> None:
        """Keep one failure, forgetting the oldest of its project and the project that failed longest ago."""
        with self._lock:
            kept = self._failures.get(failure.project) or deque(maxlen=ENTRIES)
            kept.append(failure)
            self._failures.put(failure.project, kept)
            if failure.route == CLICKS:
                self._lines.tell(_whose(failure), failure.sentence)

    def warn(self, project: str, sentences: list[str]) -> None:
        """Keep what is wrong with a project's labeling config; an empty list clears it."""
        with self._lock:
            self._warnings.drop(project)
            if sentences and len(project) <= ID_LIMIT:
                self._warnings.put(project, shortened(sentences))

    def offer(self, project: str, token: str) -> None:
        """Keep the token that Label Studio sent with a project's /setup, if it is no longer than a token."""
        if len(token.encode(errors="replace")) > TOKEN_LIMIT or len(project) > ID_LIMIT:
            return
        with self._lock:
            self._tokens.put(project, token)

    def offered(self, project: str) -> str | None:
        """The token of a project, or None."""
        with self._lock:
            return self._tokens.get(project)

    def configure(self, project: str, label_config: str) -> None:
        """Keep the labeling config of a project's last /setup, and none where that is too long."""
        with self._lock:
            self._configs.drop(project)
            if is_kept(label_config) and len(project) <= ID_LIMIT:
                self._configs.put(project, label_config)

    def configured(self, project: str) -> str | None:
        """The labeling config of a project's last /setup, or None."""
        with self._lock:
            return self._configs.get(project)

    def saved(self, project: str, annotations: list[int], found: SavedWithoutMask | None) -> None:
        """Annotations were stored anew or deleted; see ``SavedAnnotations.saved``."""
        with self._lock:
            self._saved.saved(project, annotations, found)

    def saved_without_mask(self, project: str | None) -> dict[str, list[SavedWithoutMask]]:
        """The annotations of one project, or of all, that have prompts and no mask, the newest first."""
        with self._lock:
            return self._saved.of(project)

    def claim(self, project: str, tasks: list[int], seconds: float) -> list[int]:
        """Claim tasks for so long; see ``Claims.take``."""
        with self._lock:
            return self._claims.take(project, tasks, seconds) if len(project) <= ID_LIMIT else tasks

    def hold(self, project: str, tasks: list[int], seconds: float) -> None:
        """Keep claiming tasks for so long from now; see ``Claims.hold``."""
        with self._lock:
            self._claims.hold(project, tasks, seconds)

    def retrieved(self, retrieved: Retrieved) -> None:
        """Keep what became of retrieving predictions."""
        with self._lock:
            self._retrievals.add(retrieved)

    def retrievals(self, project: str | None) -> dict[str, list[Retrieved]]:
        """The same of one project, or of all, the newest first."""
        with self._lock:
            return self._retrievals.of(project)

    def failures(self, project: str | None) -> dict[str, list[Failure]]:
        """The failures of one project, or of all, the newest first."""
        with self._lock:
            return {
                name: list(reversed(kept)) for name, kept in self._failures.items() if project in (None, name)
            }

    def warnings(self, project: str | None) -> dict[str, list[str]]:
        """The warnings of one project, or of all."""
        with self._lock:
            return {name: list(kept) for name, kept in self._warnings.items() if project in (None, name)}


def _whose(failure: Failure) -> str:
    """Which click failed; of one that was turned away unread nothing is known."""
    named = (("project", failure.project), ("task", failure.task))
    return ", ".join(f"{what} {which}" for what, which in named if which) or failure.code


def _size_of_failures(failures: deque[Failure]) -> int:
    texts = (getattr(each, name) for each in failures for name in _TEXTS)
    return sum(getsizeof(text) for text in texts)


_TEXTS = tuple(each.name for each in fields(Failure) if each.type == "str")
