"""The body of ``POST /webhook``: what has happened in a project, and to which tasks."""

from __future__ import annotations

import msgspec

from protocol.bodies.json_text import Short, decode_body
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task, check_count, check_data, project_id


class WebhookBody(msgspec.Struct, frozen=True):
    """Body of ``POST /webhook``.

    ``about``: the project, its labeling config, and the tasks that were created or deleted, or the one of
    the annotation, as a request without prompts would have them.
    """

    action: str
    about: PredictBody


class _Project(msgspec.Struct):
    id: int | str | None = None
    label_config: str | None = None


class _Webhook(msgspec.Struct):
    action: Short
    project: _Project | int | str | None = None
    tasks: tuple[Task, ...] | None = None
    task: Task | None = None


_WEBHOOK = msgspec.json.Decoder(_Webhook)


def read_webhook(body: bytes) -> WebhookBody:
    """Read the body of ``POST /webhook``.

    Raises:
        BadRequest: as ``protocol.bodies.predict.read_predict``; ``action`` is required.
    """
    where = "the body of /webhook"
    check_count(body, where)
    wire = decode_body(body, _WEBHOOK, where)
    tasks = wire.tasks or ((wire.task,) if wire.task else ())
    check_data(tasks, where)
    project = wire.project if isinstance(wire.project, _Project) else _Project(wire.project)
    return WebhookBody(wire.action, PredictBody(tasks, project_id(project.id, where), project.label_config))
