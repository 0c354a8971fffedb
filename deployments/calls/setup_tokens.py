"""The token that Label Studio sent with a project's /setup, for who has none of the settings."""

from __future__ import annotations

import logging
from typing import Any

from deployments.calls.call import call
from imaging.options import ImageOptions
from values.errors import ServiceError

logger = logging.getLogger("ray.serve")


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
