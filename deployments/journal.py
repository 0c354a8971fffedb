"""Journal: what is known of each project, gathered from all ingress replicas: its last failures above all.

Label Studio shows annotators nothing of a backend's error, so the sentence must be findable somewhere.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

PROJECTS = 1000
ENTRIES = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that failed. ``sentence`` holds no secret; ``at`` is in Unix seconds."""

    project: str
    task: str
    route: str
    code: str
    status: int
    sentence: str
    request_id: str
    at: float = field(default_factory=time.time)


class Journal:
    """Keeps the newest failures of the projects that failed last, and what /setup brought of each project."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[Failure]] = OrderedDict()
        self._warnings: OrderedDict[str, list[str]] = OrderedDict()
        self._tokens: OrderedDict[str, str] = OrderedDict()

    def record(self, failure: Failure) -> None:
        """Keep one failure, forgetting the oldest of its project and the project that failed longest ago."""
        self._failures.setdefault(failure.project, deque(maxlen=ENTRIES)).append(failure)
        self._failures.move_to_end(failure.project)
        if len(self._failures) > PROJECTS:
            self._failures.popitem(last=False)

    def warn(self, project: str, sentences: list[str]) -> None:
        """Keep what is wrong with a project's labeling config; an empty list clears it."""
        self._warnings.pop(project, None)
        if sentences:
            self._warnings[project] = sentences
        if len(self._warnings) > PROJECTS:
            self._warnings.popitem(last=False)

    def offer(self, project: str, token: str) -> None:
        """Keep the token that Label Studio sent with a project's /setup."""
        self._tokens[project] = token
        self._tokens.move_to_end(project)
        if len(self._tokens) > PROJECTS:
            self._tokens.popitem(last=False)

    def offered(self, project: str) -> str | None:
        """The token of a project, or None."""
        return self._tokens.get(project)

    def failures(self, project: str | None) -> dict[str, list[Failure]]:
        """The failures of one project, or of all, the newest first."""
        return {
            name: list(reversed(kept)) for name, kept in self._failures.items() if project in (None, name)
        }

    def warnings(self, project: str | None) -> dict[str, list[str]]:
        """The warnings of one project, or of all."""
        return {name: kept for name, kept in self._warnings.items() if project in (None, name)}
