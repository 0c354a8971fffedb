"""Predictions that are stored through Label Studio's API, where nobody waits for an answer that has them."""

from __future__ import annotations

from collections import OrderedDict

from concurrency.abandonable import run_abandonable
from deployments.calls.last_setup import SetupTokens
from label_studio.api import Address
from label_studio.client import LabelStudio
from label_studio.options import LabelStudioOptions
from label_studio.predictions import Prediction, store_once
from label_studio.site import Site
from label_studio.tokens import Token
from values.errors import ImageUnauthorized

CLIENTS = 20
"""Tokens of which a client is kept."""


class PredictionStore:
    """Label Studio, with the token of the settings or that of a project's /setup. Used from one event loop.

    Label Studio's client may wait for minutes, so that each prediction is stored in a thread of its own.
    """

    def __init__(self, options: LabelStudioOptions, tokens: SetupTokens) -> None:
        site = Site.of(options)
        self._at = None if site is None else Address(str(site.base).rstrip("/"), "LABEL_STUDIO_URL")
        key = options.label_studio_api_key
        self._configured = None if key is None else key.get_secret_value()
        self._tokens = tokens
        self._clients: OrderedDict[str, LabelStudio] = OrderedDict()

    async def may_store(self, project: str) -> bool:
        """Whether there is a token for a project."""
        return project.isdecimal() and await self._token(project) is not None

    async def store(self, project: str, prediction: Prediction) -> bool:
        """Store a prediction unless one of its version is there; whether it is stored now.

        Raises what ``label_studio.predictions.store_once`` raises.
        """
        token = await self._token(project)
        if token is None or self._at is None:
            raise ImageUnauthorized("there is no token for Label Studio's API; set LABEL_STUDIO_API_KEY")
        studio = self._client(token, self._at)
        return await run_abandonable(
            lambda: store_once(studio, int(project), prediction), "storing a prediction"
        )

    def close(self) -> None:
        """Close all connections."""
        for studio in self._clients.values():
            studio.close()
        self._clients.clear()

    async def _token(self, project: str) -> str | None:
        if self._at is None:
            return None
        return self._configured or await self._tokens.of(project)

    def _client(self, token: str, at: Address) -> LabelStudio:
        if token not in self._clients:
            self._clients[token] = LabelStudio(Token(token, at, "in LABEL_STUDIO_API_KEY"))
            while len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(token)
        return self._clients[token]
