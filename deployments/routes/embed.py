"""``POST /embed``, not of Label Studio's protocol: ``precompute`` fills the durable tier with it."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from concurrency.background import ProjectPlaces
from deployments.calls.decoder_client import DecoderClient
from deployments.http.reporter import Reporter
from deployments.http.responses import json_response
from deployments.routes.request_reader import RequestReader
from values.errors import DeadlineExceeded, ImageError
from values.image import ImageSource

EMBED_IMAGES = 100
"""Images of one request."""


class Embed:
    """The route. ``ahead``: places for images that nobody waits for. ``timeout_s``: for a whole request."""

    def __init__(
        self,
        reader: RequestReader,
        decoders: DecoderClient,
        ahead: ProjectPlaces,
        reporter: Reporter,
        timeout_s: float,
    ) -> None:
        self._reader = reader
        self._decoders = decoders
        self._ahead = ahead
        self._reporter = reporter
        self._timeout_s = timeout_s

    async def __call__(self, request: Request) -> Response:
        """What became of each image."""
        find = request.query_params.get("find", "").lower() in ("1", "true")
        sources = await self._reader.all_images(request, "/embed", EMBED_IMAGES)
        try:
            async with asyncio.timeout(self._timeout_s):
                return json_response(
                    {"results": await asyncio.gather(*(self._store(each, find=find) for each in sources))}
                )
        except TimeoutError:
            raise DeadlineExceeded(
                f"not all {len(sources)} images were encoded within {self._timeout_s:g} s; send the request "
                "again: what is stored is not encoded again"
            ) from None

    async def _store(self, source: ImageSource, *, find: bool) -> dict[str, Any]:
        try:
            async with self._ahead.of(source.project):
                stored = await self._decoders.store(source, find=find)
        except ImageError as error:
            self._reporter.failed_image("/embed", error, source)
            return {"task": source.task, "state": "failed", "error": error.code, "detail": error.detail}
        return {"task": source.task, "state": "stored" if stored else "encoded"}
