"""The first lines of the ingress: a click that would wait too long is refused before it is read and routed.

Serve itself does more for a request than a refusal takes, before its application sees it and after. So this
middleware is also in front of Serve's own server in each ingress replica: their environment names
``in_front`` in ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH``.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.http.admission import Admission, Visit
from deployments.http.head_timeout import time_out_heads
from deployments.http.request_guard import ArrivingBody, ConnectionQueues, RequestGuard
from deployments.http.responses import error_response
from values.errors import Overloaded

VISIT = "segment_anything.visit"
"""Where the scope of a request has its ``deployments.http.admission.Visit``."""

DETAIL = (
    "more clicks come than can be answered: this one would have waited longer than MAX_WAIT_S; "
    "click again in a moment"
)
_ANSWER = error_response(Overloaded(DETAIL))


class AdmissionMiddleware:
    """ASGI middleware. Refuses clicks while none are admitted; everything else passes.

    ``admission``: which one, asked at each request; None lets all in. ``refused`` is called for each refusal.
    """

    def __init__(
        self, app: ASGIApp, admission: Callable[[], Admission | None], refused: Callable[[], None]
    ) -> None:
        self._app = app
        self._admission = admission
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer for the application."""
        if scope["type"] != "http" or VISIT in scope or not _may_be_click(scope):
            await self._app(scope, receive, send)
            return
        admission = self._admission()
        if admission is None:
            await self._app(scope, receive, send)
            return
        if admission.is_closed():
            self._refused()
            await _ANSWER(scope, receive, send)
            return
        visit = scope[VISIT] = admission.enter()
        admission.loop_lag.wake()
        try:
            await self._app(scope, _VisitorsBody(receive, visit), send)
        finally:
            visit.leave()


class _VisitorsBody(ArrivingBody):
    """The body of a request that was let in; the admission is told while it is waited for."""

    def __init__(self, receive: Receive, visit: Visit) -> None:
        super().__init__(receive)
        self._visit = visit

    async def _part(self) -> Message:
        with self._visit.arriving():
            return await super()._part()


def visit_of(scope: Scope) -> Visit:
    """The visit of a request that was admitted."""
    visit: Visit = scope[VISIT]
    return visit


def _may_be_click(scope: Scope) -> bool:
    path: str = scope["path"]  # with the application's prefix in front
    return path.rstrip("/").endswith("/predict")


class _Process:
    """What ``in_front`` knows of the ingress of this process; there is one, and it starts first."""

    admission: Admission | None = None
    refused: Callable[[], None] = staticmethod(lambda: None)


def serves_here(admission: Admission, refused: Callable[[], None]) -> None:
    """An ingress tells what is in front of its process which admission is its own."""
    _Process.admission, _Process.refused = admission, refused


def in_front() -> list[Middleware]:
    """For Serve, which calls it in every process that listens, its own proxies too, before it does.

    The last one comes first.
    """
    time_out_heads()
    behind_haproxy = os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1"
    return [
        Middleware(
            AdmissionMiddleware, admission=lambda: _Process.admission, refused=lambda: _Process.refused()
        ),
        Middleware(RequestGuard, behind_haproxy=behind_haproxy, lines=ConnectionQueues()),
    ]
