"""``POST /webhook``: whoever has submitted an annotation goes on to the next task."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from deployments.http.responses import json_response
from deployments.loop_offload import off_loop_if_large
from deployments.routes.request_reader import RequestReader
from deployments.warming import Warming
from protocol.bodies.webhook import read_webhook

TRAIN_EVENTS = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING"})


class Webhook:
    """The route."""

    def __init__(self, reader: RequestReader, warming: Warming) -> None:
        self._reader = reader
        self._warming = warming

    async def __call__(self, request: Request) -> Response:
        """The answer to one request, that of Label Studio's example backends."""
        raw = await self._reader.raw(request)
        body = await off_loop_if_large(len(raw), read_webhook, raw)
        if body.action == "ANNOTATION_CREATED":
            self._warming.opened(body.about)
        if body.action in TRAIN_EVENTS:
            return json_response({"result": None, "status": "ok"}, 201)
        return json_response({"status": "Unknown event"})
