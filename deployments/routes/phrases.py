"""``POST /phrases``, not of Label Studio's protocol: ``search --find`` looks for these vectors itself."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from deployments.calls.call import call
from deployments.http.responses import json_response
from deployments.loop_offload import off_loop_if, off_loop_if_large
from deployments.routes.request_reader import RequestReader
from protocol.bodies.phrases import read_asked
from protocol.phrases import TEXT_CHARACTERS
from values.errors import BadRequest, DeadlineExceeded

AT_ONCE = 2
"""Requests of one ingress replica that the finder has at the same time: of its few places some are left for
images, and for phrases that somebody waits for."""
OTHER_VERSION_S = 2.0
"""For so long finders of another version are asked again; this replica may be the one that is replaced."""


class Phrases:
    """The route. ``finder``: the deployment that reads phrases; ``version``: of its model, "" without one.
    ``timeout_s``: for a whole request."""

    def __init__(self, reader: RequestReader, finder: Any, version: str, timeout_s: float) -> None:
        self._reader = reader
        self._finder = finder
        self._version = version
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, request: Request) -> Response:
        """The query of each phrase, in the order of the request; of equal phrases one."""
        raw = await self._reader.raw(request)
        costly = len(raw) > TEXT_CHARACTERS  # tens of thousands of short ones
        phrases = await off_loop_if(costly, read_asked, raw, "the body of /phrases")
        if not self._version:
            raise BadRequest(
                "no detector reads phrases here; set FINDER, as to owlv2_base, and restart the backend"
            )
        try:
            async with asyncio.timeout(self._timeout_s), self._places:
                vectors = await call(
                    lambda: self._finder.vectors.remote(phrases, self._version),
                    timeout_s=self._timeout_s,
                    what="reading phrases",
                    other_version_s=OTHER_VERSION_S,
                )
        except TimeoutError:
            raise DeadlineExceeded(
                f"the phrases were not read within {self._timeout_s:g} s; try again in a moment"
            ) from None
        content = {"finder": self._version, "phrases": phrases, "vectors": vectors.tolist()}
        return await off_loop_if_large(20 * vectors.size, json_response, content)
