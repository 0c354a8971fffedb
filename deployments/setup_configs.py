"""The labeling config of each project's last /setup, for requests that bring none."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from deployments.calls import call
from deployments.journal import CONFIG_LIMIT
from embeddings.single_flight import SingleFlight
from values.errors import ServiceError

logger = logging.getLogger("ray.serve")

PROJECTS = 1000
CHARACTERS = 16 * 2**20
"""Projects, and characters of their labeling configs, that one ingress replica keeps."""

FRESH_S = 10.0
"""For so long nobody asks again: another replica may have had a later /setup."""


class SetupConfigs:
    """What this replica knows of labeling configs; the journal knows what the others were told.

    One per ingress replica, used from its event loop.
    """

    def __init__(self, journal: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._characters = 0
        self._asking = SingleFlight[str | None](max_waiters=1000)

    def keep(self, project: str, label_config: str | None) -> None:
        """Remember what a project's /setup brought, or that nobody knows of one."""
        self._characters -= len(self._kept.pop(project, (0, ""))[1] or "")
        config = None if label_config is None or len(label_config) > CONFIG_LIMIT else label_config
        self._kept[project] = self._clock(), config
        self._characters += len(config or "")
        while len(self._kept) > PROJECTS or self._characters > CHARACTERS:
            self._characters -= len(self._kept.popitem(last=False)[1][1] or "")

    async def of(self, project: str) -> str | None:
        """The labeling config of a project's last /setup, or None where nobody was told of it."""
        if not project:
            return None
        at, config = self._kept.get(project, (-FRESH_S, None))
        if self._clock() - at < FRESH_S:
            return config
        try:
            # A journal that was started anew knows less than this replica.
            config = await self._asking.run(project, lambda flight: self._ask(project)) or config
        except ServiceError as error:
            logger.warning("the last labeling config of project %s is not known: %s", project, error.detail)
            return config
        self.keep(project, config)
        return config

    async def _ask(self, project: str) -> str | None:
        config: str | None = await call(
            lambda: self._journal.configured.remote(project), timeout_s=2, what="reading the journal"
        )
        return config
