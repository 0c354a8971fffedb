"""Journal: what is known of each project, gathered from all ingress replicas: its last failures above all.

Label Studio shows annotators nothing of a backend's error, so the sentence must be findable somewhere.

Serve runs these methods in threads, several at once: each holds the lock for as long as it reads or writes.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field, fields

from protocol.bodies import ID_LIMIT
from values.one_line import one_line

PROJECTS = 1000
"""Projects of which anything is kept, those that were heard of last."""

ENTRIES = 20
"""Failures of one project."""

FAILURES = 5000
"""Failures of all projects."""

WARNINGS = 20
"""Sentences about one labeling config; the last of more says how many there are."""

SENTENCE_LIMIT = 500
"""Characters of a sentence: its remedy stands at its end."""

SHORT_LIMIT = 64
"""Characters of a task's or a request's id, a route and a code."""

TOKEN_LIMIT = 4096
"""Bytes of a token; a longer one is none of Label Studio's."""

CONFIG_LIMIT = 2**20
"""Characters of a labeling config that is kept, which is as much as is read."""

CONFIGS_LIMIT = 64 * 2**20
"""Characters of all labeling configs."""


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
                limit = SENTENCE_LIMIT if each.name == "sentence" else SHORT_LIMIT
                object.__setattr__(self, each.name, one_line(value, limit))


def shortened(sentences: list[str]) -> list[str]:
    """Warnings as they are kept: few, and each within its limit."""
    shown = [one_line(sentence, SENTENCE_LIMIT) for sentence in sentences[:WARNINGS]]
    if len(sentences) > WARNINGS:
        shown[-1] = f"and {len(sentences) - WARNINGS + 1} more"
    return shown


class Journal:
    """Keeps the newest failures of the projects that failed last, and what /setup brought of each project."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[Failure]] = OrderedDict()
        self._count = 0
        self._warnings: OrderedDict[str, list[str]] = OrderedDict()
        self._tokens: OrderedDict[str, str] = OrderedDict()
        self._configs: OrderedDict[str, str] = OrderedDict()
        self._characters = 0

    def record(self, failure: Failure) -> None:
        """Keep one failure, forgetting the oldest of its project and the project that failed longest ago."""
        with self._lock:
            kept = self._failures.setdefault(failure.project, deque(maxlen=ENTRIES))
            self._count += len(kept) < ENTRIES
            kept.append(failure)
            self._failures.move_to_end(failure.project)
            while len(self._failures) > PROJECTS or self._count > FAILURES:
                self._count -= len(self._failures.popitem(last=False)[1])

    def warn(self, project: str, sentences: list[str]) -> None:
        """Keep what is wrong with a project's labeling config; an empty list clears it."""
        with self._lock:
            self._warnings.pop(project, None)
            if sentences and len(project) <= ID_LIMIT:
                self._warnings[project] = shortened(sentences)
            if len(self._warnings) > PROJECTS:
                self._warnings.popitem(last=False)

    def offer(self, project: str, token: str) -> None:
        """Keep the token that Label Studio sent with a project's /setup, if it is no longer than a token."""
        if len(token.encode(errors="replace")) > TOKEN_LIMIT or len(project) > ID_LIMIT:
            return
        with self._lock:
            self._tokens[project] = token
            self._tokens.move_to_end(project)
            if len(self._tokens) > PROJECTS:
                self._tokens.popitem(last=False)

    def offered(self, project: str) -> str | None:
        """The token of a project, or None."""
        with self._lock:
            return self._tokens.get(project)

    def configure(self, project: str, label_config: str) -> None:
        """Keep the labeling config of a project's last /setup, and none where that is too long."""
        with self._lock:
            self._characters -= len(self._configs.pop(project, ""))
            if len(label_config) <= CONFIG_LIMIT and len(project) <= ID_LIMIT:
                self._configs[project] = label_config
                self._characters += len(label_config)
            while len(self._configs) > PROJECTS or self._characters > CONFIGS_LIMIT:
                self._characters -= len(self._configs.popitem(last=False)[1])

    def configured(self, project: str) -> str | None:
        """The labeling config of a project's last /setup, or None."""
        with self._lock:
            return self._configs.get(project)

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
