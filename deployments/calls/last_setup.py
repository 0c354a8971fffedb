"""What each project's last /setup brought: its labeling config, for requests that bring none, and a token."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from sys import getsizeof
from typing import Any

from concurrency.single_flight import SingleFlight
from deployments.bounded_cache import BoundedCache
from deployments.calls.call import call
from deployments.journal import is_kept
from imaging.options import ImageOptions
from values.errors import ServiceError

logger = logging.getLogger("ray.serve")

PROJECTS = 1000
CONFIGS_BYTES = 16 * 2**20
"""Projects, and memory of their labeling configs, that one ingress replica keeps."""

FRESH_S = 10.0
"""For so long nobody asks again: another replica may have had a later /setup."""


class SetupConfigs:
    """What this replica knows of labeling configs; the journal knows what the others were told.

    One per ingress replica, used from its event loop.
    """

    def __init__(self, journal: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._kept = BoundedCache[tuple[float, str | None]](
            PROJECTS, CONFIGS_BYTES, lambda kept: getsizeof(kept[1])
        )
        self._asking = SingleFlight[str | None](max_waiters=1000)

    def keep(self, project: str, label_config: str | None) -> None:
        """Remember what a project's /setup brought, or that nobody knows of one."""
        config = None if label_config is None or not is_kept(label_config) else label_config
        self._kept.put(project, (self._clock(), config))

    async def of(self, project: str) -> str | None:
        """The labeling config of a project's last /setup, or None where nobody was told of it."""
        if not project:
            return None
        at, config = self._kept.get(project) or (-FRESH_S, None)
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


class SetupTokens:
    """Asks the journal for a project's token where the settings want that, and nobody else."""

    def __init__(self, options: ImageOptions, journal: Any) -> None:
        self.wanted = options.use_setup_token and options.label_studio_api_key is None
        self._journal = journal

    async def of(self, project: str) -> str | None:
        """The token of a project, or None."""
        if not self.wanted or not project:
            return None
        try:
            token: str | None = await call(
                lambda: self._journal.offered.remote(project), timeout_s=5, what="reading the journal"
            )
        except ServiceError as error:
            logger.warning("Label Studio is asked without its token: %s", error.detail)
            return None
        return token
