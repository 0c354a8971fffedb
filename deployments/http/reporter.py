"""What becomes of a failure: an answer, a log line, a count and a journal entry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from concurrency.background import Background
from deployments.calls.call import call
from deployments.http.responses import error_response
from deployments.journal import Failure, shortened
from deployments.metrics import Metrics
from deployments.request_context import request_id
from deployments.retrieved import Retrieved
from deployments.saved_without_mask import SavedWithoutMask
from values import one_line
from values.errors import ServiceError
from values.image import ImageSource

logger = logging.getLogger("ray.serve")

NO_MASK = "no_mask"
"""The code of a click that was answered, but with no mask."""

REASON = "X-No-Mask"
"""The header that says why, percent-encoded: the answer itself is Label Studio's, and has no place for it."""

HUNG_UP = "hung_up"
"""The code of a request whose client left before it was read: no failure of anybody's."""

Handler = Callable[[Request], Awaitable[Response]]

EVERY_S = 1.0
"""How often the clicks that were turned away are told of."""


class Reporter:
    """Says what went wrong wherever somebody may look for it. Nobody waits for the journal."""

    def __init__(self, journal: Any, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics
        # Its own: images that are encoded ahead may fill the other, and are what fails when they do.
        self.background = Background(limit=256)
        self._turned_away = 0
        self._telling = False

    def guarded(self, route: str, handler: Handler) -> Handler:
        """The handler, which now always answers.

        It may leave ``project`` and ``task`` in ``request.state`` as soon as it knows them, and ``no_mask``,
        a sentence, when it answers a click without one; ``code``: that of the error that it answered so.
        """

        async def guarded(request: Request) -> Response:
            try:
                response = await handler(request)
            except ServiceError as error:
                return self._answered(request, route, error)
            except ClientDisconnect:
                self._metrics.request(route, HUNG_UP)
                return Response(status_code=499)  # which nobody receives
            except Exception:
                logger.exception("%s failed unexpectedly", route)
                sentence = "unexpected error; its traceback is in the Ingress replica's log"
                return self._answered(request, route, ServiceError(sentence))
            if sentence := getattr(request.state, "no_mask", ""):
                code = getattr(request.state, "code", NO_MASK)
                self._said(route, code, 200, sentence, **_who(request))
                response.headers[REASON] = quote(one_line.sentence(sentence))
            else:
                self._metrics.request(route, "ok")
            return response

        return guarded

    def failed(
        self, route: str, error: ServiceError, *, project: str, task: str, request_id: str = ""
    ) -> None:
        """Report one failure."""
        self._said(route, error.code, error.status, error.detail, project, task, request_id)

    def failed_image(self, route: str, error: ServiceError, source: ImageSource) -> None:
        """Report a failure with one image of a request that goes on without it."""
        task = "" if source.task is None else str(source.task)
        self.failed(route, error, project=source.project, task=task, request_id=request_id())

    def turned_away(self, error: ServiceError) -> None:
        """Report a click that was refused before it was read. There may be thousands: they are told of once a
        second, by their number."""
        self._turned_away += 1
        if not self._telling:
            self._telling = self.background.start(self._tell_of_turned_away(error))

    def warned(self, project: str, sentences: list[str]) -> None:
        """Report what is wrong with a project's labeling config; nothing wrong clears it."""
        sentences = shortened(sentences)
        for sentence in sentences:
            logger.warning("the labeling config of project %s: %s", project or "?", sentence)
        self.background.start(_told(lambda: self._journal.warn.remote(project, sentences)))

    def offered(self, project: str, token: str) -> None:
        """Let the fetchers know the token that Label Studio sent with a project's /setup."""
        self.background.start(_told(lambda: self._journal.offer.remote(project, token)))

    def configured(self, project: str, label_config: str) -> None:
        """Let all ingress replicas know the labeling config that came with a project's /setup."""
        self.background.start(_told(lambda: self._journal.configure.remote(project, label_config)))

    def saved(self, project: str, annotations: Sequence[int], found: SavedWithoutMask | None) -> None:
        """Report that annotations were stored anew or deleted, and what of the last one has no mask."""
        if found is not None:
            logger.warning("task %s of project %s: %s", found.task, project or "?", found.said)
        self.background.start(_told(lambda: self._journal.saved.remote(project, list(annotations), found)))

    def retrieved(self, project: str, said: str) -> None:
        """Report what became of retrieving predictions."""
        logger.info("retrieving predictions of project %s: %s", project or "?", said)
        self.background.start(_told(lambda: self._journal.retrieved.remote(Retrieved(project, said))))

    async def _tell_of_turned_away(self, error: ServiceError) -> None:
        try:
            while self._turned_away:
                await asyncio.sleep(EVERY_S)
                count, self._turned_away = self._turned_away, 0
                self._metrics.refused("door", count)
                self._metrics.request("/predict", error.code, count)
                sentence = f"{count} clicks in {EVERY_S:g} s: {error.detail}"
                logger.warning("/predict answered %s %s to %s", error.status, error.code, sentence)
                failure = Failure("", "", "/predict", error.code, error.status, sentence, "")
                self._record(failure)
        finally:
            self._telling = False

    def _record(self, failure: Failure) -> None:
        self.background.start(_told(lambda: self._journal.record.remote(failure)))

    def _answered(self, request: Request, route: str, error: ServiceError) -> Response:
        self.failed(route, error, **_who(request))
        return error_response(error)

    def _said(
        self, route: str, code: str, status: int, sentence: str, project: str, task: str, request_id: str
    ) -> None:
        failure = Failure(project, task, route, code, status, sentence, request_id)
        logger.warning(
            "%s answered %s %s (project %s, task %s): %s",
            route,
            status,
            code,
            failure.project or "?",
            failure.task or "?",
            failure.sentence,
        )
        self._metrics.request(route, code)
        self._record(failure)


def _who(request: Request) -> dict[str, str]:
    """Whose request it is, as far as that is known."""
    return {
        "project": getattr(request.state, "project", ""),
        "task": getattr(request.state, "task", ""),
        "request_id": request.headers.get("x-request-id", ""),
    }


async def _told(send: Callable[[], Any]) -> None:
    await call(send, timeout_s=5, what="writing to the journal")
