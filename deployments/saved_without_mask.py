"""Annotations that were submitted with prompts and without masks: Label Studio says that it saved them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from sys import getsizeof

from deployments.bounded_cache import BoundedCache
from protocol.bodies.task import ID_LIMIT
from values.one_line import sentence

PROJECTS = 1000
"""Projects of which any is kept, those where it happened last."""

ENTRIES = 50
"""Annotations of one project, the newest."""

MAX_BYTES = 2**20
"""Memory of all: what /diagnose is told goes into one message between replicas, of 4 MiB at most."""


@dataclass(frozen=True, slots=True)
class SavedWithoutMask:
    """One annotation. ``said``: what of it has no mask; ``certain``: whether a mask is missing for sure;
    ``at``: when that was seen, in Unix seconds."""

    project: str
    task: int | None
    annotation: int
    said: str
    certain: bool
    at: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        object.__setattr__(self, "said", sentence(self.said))


class SavedAnnotations:
    """Keeps the newest of each project until a mask is there, or the annotation is gone."""

    def __init__(self) -> None:
        self._kept = BoundedCache[dict[int, SavedWithoutMask]](PROJECTS, MAX_BYTES, _size)

    def saved(self, project: str, annotations: Iterable[int], found: SavedWithoutMask | None) -> None:
        """These annotations were stored anew or are gone; ``found``: what is wrong with the only one."""
        if len(project) > ID_LIMIT:
            return
        kept = self._kept.get(project) or {}
        for each in annotations:
            kept.pop(each, None)
        if found is not None:
            kept[found.annotation] = found
        while len(kept) > ENTRIES:
            del kept[next(iter(kept))]
        self._kept.drop(project)
        if kept:
            self._kept.put(project, kept)

    def of(self, project: str | None) -> dict[str, list[SavedWithoutMask]]:
        """Those of one project, or of all, the newest first."""
        return {
            name: list(reversed(kept.values()))
            for name, kept in self._kept.items()
            if project in (None, name)
        }


def _size(kept: dict[int, SavedWithoutMask]) -> int:
    return sum(getsizeof(each.said) + getsizeof(each) + 100 for each in kept.values())
