"""Places at the door for work that nobody waits for: so many in all, and so many for one project."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ProjectPlaces:
    """At most ``most`` at once, of one project at most half of them; who comes meanwhile waits in order.

    So what one project has encoded for later, thousands of images maybe, leaves room for the others.
    """

    def __init__(self, most: int) -> None:
        self._each = max(1, most // 2)
        self._all = asyncio.Semaphore(most)
        self._projects: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def of(self, project: str) -> AsyncIterator[None]:
        """A context that is entered when there is a place for the project."""
        places, users = self._projects.get(project, (asyncio.Semaphore(self._each), 0))
        self._projects[project] = places, users + 1
        try:
            async with places, self._all:
                yield
        finally:
            self._leave(project)

    def _leave(self, project: str) -> None:
        places, users = self._projects[project]
        if users > 1:
            self._projects[project] = places, users - 1
        else:
            del self._projects[project]
