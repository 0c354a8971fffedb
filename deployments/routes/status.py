"""``GET`` of /health, /versions, /metrics and /diagnose. No model is waited for in /health."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from deployments.http.diagnosis import diagnose
from deployments.http.request_guard import is_near
from deployments.http.responses import json_response
from values.served_model import ServedModel


class Status:
    """The routes. ``locked``: whether everybody who gets in has the password."""

    def __init__(self, model: ServedModel, *, locked: bool, decoder: Any, fetcher: Any, journal: Any) -> None:
        self._model = model
        self._locked = locked
        self._decoder = decoder
        self._fetcher = fetcher
        self._journal = journal

    async def health(self, request: Request) -> Response:
        """Which model serves."""
        return json_response({"status": "UP", "model_class": "SegmentAnything", **self._about()})

    async def versions(self, request: Request) -> Response:
        """Its version, and why it is this one."""
        return json_response({"versions": [self._model.version], "message": self._model.reason})

    async def metrics(self, request: Request) -> Response:
        """Nothing: Label Studio's example backends answer {} here. One replica's numbers would mislead a
        scraper: Prometheus reads all replicas from Ray's own exporter.
        """
        return json_response({})

    async def diagnose(self, request: Request) -> Response:
        """What works and what failed last, by name for whoever is near or has the password."""
        known = self._locked or is_near(request.scope)
        project = request.query_params.get("project") if known else None
        found = await diagnose(project, decoder=self._decoder, fetcher=self._fetcher, journal=self._journal)
        return json_response({"model": self._about(), **(found.in_full() if known else found.in_brief())})

    def _about(self) -> dict[str, Any]:
        return {
            "model": self._model.name,
            "model_version": self._model.version,
            "fallback": self._model.fallback,
            "reason": self._model.reason,
        }
