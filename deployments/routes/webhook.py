"""``POST /webhook``: an annotation was submitted, perhaps without its mask, and the next task is due."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response

from deployments.http.reporter import Reporter
from deployments.http.responses import json_response
from deployments.loop_offload import CostlyWork, off_loop_if_large
from deployments.routes.request_reader import RequestReader
from deployments.saved_without_mask import SavedWithoutMask
from deployments.warming import Warming
from protocol.bodies.annotation import read_annotation
from protocol.bodies.task import Task
from protocol.bodies.webhook import WebhookBody, read_webhook
from protocol.cost import stored_ms
from protocol.label_config import parse
from protocol.repeater import expanded
from protocol.unaccepted import Unaccepted, unaccepted
from protocol.variables import TaskData
from values.errors import ServiceError

logger = logging.getLogger("ray.serve")

TRAIN_EVENTS = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING"})
SAVED_EVENTS = frozenset({"ANNOTATION_CREATED", "ANNOTATION_UPDATED"})


class Webhook:
    """The route. ``order``: of the controls that take masks, the preferred first."""

    def __init__(
        self,
        reader: RequestReader,
        warming: Warming,
        reporter: Reporter,
        costly: CostlyWork,
        order: tuple[str, ...],
    ) -> None:
        self._reader = reader
        self._warming = warming
        self._reporter = reporter
        self._costly = costly
        self._order = order

    async def __call__(self, request: Request) -> Response:
        """The answer to one request, that of Label Studio's example backends."""
        raw = await self._reader.raw(request)
        body = await off_loop_if_large(len(raw), read_webhook, raw)
        if body.action == "ANNOTATION_CREATED":
            self._warming.opened(body.about)
        if body.action in SAVED_EVENTS:
            await self._saved(body)
        elif body.deleted:
            self._reporter.saved(body.about.project_id, body.deleted, None)
        if body.action in TRAIN_EVENTS:
            return json_response({"result": None, "status": "ok"}, 201)
        return json_response({"status": "Unknown event"})

    async def _saved(self, body: WebhookBody) -> None:
        """Find out whether an annotation was stored with its prompts and without their mask."""
        project = body.about.project_id
        ms = stored_ms(memoryview(body.annotation), body.about.label_config)
        try:
            number, found = await self._costly.run(ms, project, _look, body, self._order)
        except ServiceError as error:
            # The event itself was taken; Label Studio could do nothing about it.
            logger.info("an annotation of project %s was not looked at: %s", project or "?", error.detail)
            return
        self._reporter.saved(project, [number], _record(body, number, found) if found else None)


def _look(body: WebhookBody, order: tuple[str, ...]) -> tuple[int, list[Unaccepted]]:
    """The annotation's id, and its prompts without a mask. Raises BadRequest or BadLabelConfig."""
    stored = read_annotation(body.annotation)
    if stored.was_cancelled or not stored.result or body.about.label_config is None:
        return stored.id, []
    task = next(iter(body.about.tasks), Task())
    config = expanded(parse(body.about.label_config), TaskData(task))
    return stored.id, unaccepted(config, stored.result, order)


def _record(body: WebhookBody, annotation: int, found: list[Unaccepted]) -> SavedWithoutMask:
    task = next(iter(body.about.tasks), Task()).number
    certain = any(not each.doubt for each in found)
    return SavedWithoutMask(body.about.project_id, task, annotation, "; ".join(map(str, found)), certain)
