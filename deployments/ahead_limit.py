"""How much may be under way in one replica that nobody waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from values.errors import Overloaded
from values.priority import Priority


class AheadLimit:
    """At most ``most`` at once; more are refused, so that there is room for clicks, which are not counted.

    ``what`` begins the sentence of the refusal.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._inside = 0

    @contextmanager
    def of(self, priority: Priority) -> Iterator[None]:
        """A context for one piece of work. Raises Overloaded."""
        if not priority.urgent and self._inside >= self._most:
            raise Overloaded(f"{self._most} images {self._what}; try again in a moment")
        self._inside += not priority.urgent
        try:
            yield
        finally:
            self._inside -= not priority.urgent
