"""The body of ``POST /webhook``: what has happened in a project, and to which tasks."""

from __future__ import annotations

import msgspec

from protocol.bodies.annotation import AnnotationId
from protocol.bodies.json_text import ABSENT, ArrayLimit, Short, decode, decode_body
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task, check_count, check_data, project_id
from values.errors import BadRequest

DELETED_LIMIT = 10_000
"""Annotations that one webhook may say to be deleted; of more none is read."""


class WebhookBody(msgspec.Struct, frozen=True):
    """Body of ``POST /webhook``.

    ``about``: the project, its labeling config, and the tasks that were created or deleted, or the one of
    the annotation, as a request without prompts would have them. ``annotation``: what was submitted or
    updated, undecoded (see ``protocol.bodies.annotation``). ``deleted``: ids of annotations that are gone.
    """

    action: str
    about: PredictBody
    annotation: msgspec.Raw = ABSENT
    deleted: tuple[int, ...] = ()


class _Project(msgspec.Struct):
    id: int | str | None = None
    label_config: str | None = None


class _Named(msgspec.Struct):
    id: AnnotationId


class _Webhook(msgspec.Struct):
    action: Short
    annotation: msgspec.Raw = ABSENT
    annotations: msgspec.Raw = ABSENT
    project: _Project | int | str | None = None
    tasks: tuple[Task, ...] | None = None
    task: Task | None = None


_WEBHOOK = msgspec.json.Decoder(_Webhook)
_DELETED: msgspec.json.Decoder[list[_Named] | None] = msgspec.json.Decoder(list[_Named] | None)
_FEW_DELETED = ArrayLimit("annotations", DELETED_LIMIT)


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
    return WebhookBody(
        wire.action,
        PredictBody(tasks, project_id(project.id, where), project.label_config),
        wire.annotation,
        _deleted(wire.annotations) if _FEW_DELETED.holds(body) else (),
    )


def _deleted(annotations: msgspec.Raw) -> tuple[int, ...]:
    try:
        return tuple(each.id for each in decode(annotations, _DELETED, "annotations") or ())
    except BadRequest:  # of another event, or of another version: nothing depends on it
        return ()
