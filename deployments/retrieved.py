"""What became of requests to retrieve the predictions of tasks: Label Studio tells nobody."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from sys import getsizeof

from deployments.bounded_cache import BoundedCache
from protocol.bodies.task import ID_LIMIT
from values.one_line import sentence

PROJECTS = 1000
ENTRIES = 10
"""Of one project, the newest."""

MAX_BYTES = 2**19
"""Memory of all: what /diagnose is told goes into one message between replicas."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One request, or what became of its rest. ``said``: a sentence; ``at``: when, in Unix seconds."""

    project: str
    said: str
    at: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        object.__setattr__(self, "said", sentence(self.said))


class Retrievals:
    """Keeps the newest of each project."""

    def __init__(self) -> None:
        self._kept = BoundedCache[deque[Retrieved]](PROJECTS, MAX_BYTES, _size)

    def add(self, retrieved: Retrieved) -> None:
        """Keep one."""
        if len(retrieved.project) > ID_LIMIT:
            return
        kept = self._kept.get(retrieved.project) or deque(maxlen=ENTRIES)
        kept.append(retrieved)
        self._kept.put(retrieved.project, kept)

    def of(self, project: str | None) -> dict[str, list[Retrieved]]:
        """Those of one project, or of all, the newest first."""
        return {name: list(reversed(kept)) for name, kept in self._kept.items() if project in (None, name)}


def _size(kept: deque[Retrieved]) -> int:
    return sum(getsizeof(each.said) + getsizeof(each) + 100 for each in kept)
