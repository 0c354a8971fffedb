"""How much may be under way in one replica that nobody waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from values.errors import Overloaded
from values.priority import Priority


class AheadLimit:
    """At most ``most`` at once; more are refused, so that there is room for clicks, which are not counted. Of
    one project half as many: so one whose hosts are dead leaves room for the others.

    ``what`` begins the sentence of the refusal.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._inside: Counter[str | None] = Counter()

    @contextmanager
    def of(self, priority: Priority, project: str | None = None) -> Iterator[None]:
        """A context for one piece of work, for a ``project`` where one is known. Raises Overloaded."""
        if priority.urgent:
            yield
            return
        if self._inside.total() >= self._most:
            raise Overloaded(f"{self._most} images {self._what}; try again in a moment")
        if project is not None and self._inside[project] >= max(1, self._most // 2):
            raise Overloaded(
                f"{self._inside[project]} images of project {project!r} {self._what}; try again in a moment"
            )
        self._inside[project] += 1
        try:
            yield
        finally:
            self._inside[project] -= 1
            if not self._inside[project]:
                del self._inside[project]
