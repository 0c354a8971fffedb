"""``POST /forget``, not of Label Studio's protocol: the command ``forget`` purges embeddings with it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from deployments.calls.decoder_client import DecoderClient
from deployments.http.responses import json_response
from deployments.routes.request_reader import RequestReader

FORGET_IMAGES = 1000
"""Images of one request."""


class Forget:
    """The route."""

    def __init__(self, reader: RequestReader, decoders: DecoderClient) -> None:
        self._reader = reader
        self._decoders = decoders

    async def __call__(self, request: Request) -> Response:
        """How many embeddings there were."""
        sources = await self._reader.all_images(request, "/forget", FORGET_IMAGES)
        return json_response({"forgotten": await self._decoders.forget(sources)})
