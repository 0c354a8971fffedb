"""Tasks that somebody is at work on: a browser asks for the predictions of an opened task twice at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

MOST = 100_000
"""Tasks that are claimed at once; the oldest claim goes first."""


class Claims:
    """Of each project the tasks that are claimed, each until some time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: OrderedDict[tuple[str, int], float] = OrderedDict()

    def take(self, project: str, tasks: Iterable[int], seconds: float) -> list[int]:
        """Claim tasks for so long; those that were free, which are the caller's now."""
        now = self._clock()
        free = [task for task in tasks if self._until.get((project, task), 0.0) <= now]
        for task in free:
            self._until[project, task] = now + seconds
            self._until.move_to_end((project, task))
        while len(self._until) > MOST:
            self._until.popitem(last=False)
        return free

    def hold(self, project: str, tasks: Sequence[int], seconds: float) -> None:
        """The caller's tasks stay claimed for so long from now, and no longer; 0: they are free."""
        until = self._clock() + seconds
        for task in tasks:
            if (project, task) in self._until:
                self._until[project, task] = until
