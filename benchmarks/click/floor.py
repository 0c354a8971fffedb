"""The least that a click can cost on Ray Serve: an ingress and one hop to a consistent-hash routed replica.

It has the shape of our graph for a warm click and does nothing: no parsing, no prompts, no mask.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from ray import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serve_app.app import BY_IMAGE_KEY

SMALL = {"num_cpus": 0.1}


class FloorDecoder:
    """Answers at once."""

    async def click(self, body: bytes) -> bytes:
        """The same bytes."""
        return body


class FloorIngress:
    """Hands the body on."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def __serve_build_asgi_app__(self) -> Starlette:
        return Starlette(routes=[Route("/predict", self._predict, methods=["POST"])])

    async def _predict(self, request: Request) -> Response:
        body = await request.body()
        return Response(await asyncio.create_task(self._call(body), context=contextvars.Context()))

    async def _call(self, body: bytes) -> bytes:
        answer: bytes = await self._decoder.options(session_id="key").click.remote(body)
        return answer


_decoder = serve.deployment(FloorDecoder, request_router_config=BY_IMAGE_KEY, ray_actor_options=SMALL)
app = serve.deployment(serve.ingress()(FloorIngress), ray_actor_options=SMALL).bind(_decoder.bind())
