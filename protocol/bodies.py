"""The JSON bodies Label Studio posts, read only as far as this service needs them.

An interactive request carries the whole task: drafts, predictions and annotations with every mask drawn so
far, tens of megabytes of integers. Fields not named here are stepped over and never become Python objects,
and values whose size a client controls stay undecoded bytes (``msgspec.Raw``) until someone asks for them.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from values.errors import BadRequest

CONTEXT_LIMIT = 16 * 2**20
"""Bytes of JSON that ``params.context`` may hold: some dozen drawn masks."""

PROJECT_ID_LIMIT = 64
"""Characters of a project's id, which is kept and shown in many places."""

_EXTRA_LIMIT = 2**20
_ABSENT = msgspec.Raw(b"null")
_T = TypeVar("_T")


class Task(msgspec.Struct, frozen=True):
    """A task: its id, and its data with every value left as undecoded JSON."""

    id: int | str | None = None
    data: dict[str, msgspec.Raw] | None = None

    @property
    def number(self) -> int | None:
        """The id as Label Studio's integer, or None for a client with ids of its own kind."""
        if isinstance(self.id, str):
            return int(self.id) if self.id.isascii() and self.id.isdigit() and len(self.id) < 20 else None
        return self.id


class Item(msgspec.Struct, frozen=True):
    """One entry of ``context.result``. All but ``type`` is undecoded: an unknown kind may hold anything."""

    type: str
    value: msgspec.Raw = _ABSENT
    id: msgspec.Raw = _ABSENT
    from_name: msgspec.Raw = _ABSENT
    to_name: msgspec.Raw = _ABSENT
    original_width: msgspec.Raw = _ABSENT
    original_height: msgspec.Raw = _ABSENT
    image_rotation: msgspec.Raw = _ABSENT
    is_positive: msgspec.Raw = _ABSENT
    item_index: msgspec.Raw = _ABSENT


class PredictBody(msgspec.Struct, frozen=True):
    """Body of ``POST /predict``. ``repr`` shows no credentials.

    ``project_id``: Label Studio's project id, "" when the request names none.
    ``label_config``: the labeling config's XML, None when the request carries none.
    ``items``: the pending prompts, oldest first; empty when Label Studio only opened a task.
    ``event``: what some front ends ask for besides a mask: "prewarm", "capabilities", "predict".
    ``login``, ``password``: the project's task-data credentials, for the image's host.
    """

    tasks: tuple[Task, ...]
    project_id: str = ""
    label_config: str | None = None
    items: tuple[Item, ...] = ()
    event: str | None = None
    login: str | None = None
    password: str | None = None

    @property
    def task_id(self) -> str:
        """The first task's id as text, for log lines; "" without one."""
        return "" if not self.tasks or self.tasks[0].id is None else str(self.tasks[0].id)[:40]

    def __repr__(self) -> str:
        return (
            f"PredictBody(project_id={self.project_id!r}, {len(self.tasks)} tasks, {len(self.items)} items)"
        )


class SetupBody(msgspec.Struct, frozen=True):
    """Body of ``POST /setup``, without the token in it: what is not read cannot leak.

    ``extra_params``: the connection's extra parameters when they are a JSON object, or text holding one.
    ``extra_text``: any other text found there, so that a warning can be given; otherwise "".
    """

    project_id: str = ""
    schema: str = ""
    hostname: str = ""
    extra_params: dict[str, object] = {}
    extra_text: str = ""


class WebhookBody(msgspec.Struct, frozen=True):
    """Body of ``POST /webhook``: the action, its project, and the tasks it is about.

    Those that were created or deleted, or the one of the annotation.
    """

    action: str
    project_id: str = ""
    label_config: str | None = None
    tasks: tuple[Task, ...] = ()


class _Params(msgspec.Struct):
    login: str | None = None
    password: str | None = None
    context: msgspec.Raw = _ABSENT


class _Context(msgspec.Struct):
    result: tuple[Item, ...] | None = None
    event: str | None = None
    project_credentials_login: str | None = None
    project_credentials_password: str | None = None


class _Predict(msgspec.Struct):
    tasks: tuple[Task, ...]
    project: int | float | str | None = None
    label_config: str | None = None
    params: _Params | None = None


class _Setup(msgspec.Struct):
    project: int | float | str | None = None
    schema: str | None = None
    hostname: str | None = None
    extra_params: msgspec.Raw = _ABSENT


class _SetupToken(msgspec.Struct):
    access_token: str | None = None


class _WebhookProject(msgspec.Struct):
    id: int | str | None = None
    label_config: str | None = None


class _Webhook(msgspec.Struct):
    action: str
    project: _WebhookProject | int | str | None = None
    tasks: tuple[Task, ...] | None = None
    task: Task | None = None


_ANYTHING: msgspec.json.Decoder[object] = msgspec.json.Decoder(object)
_PREDICT = msgspec.json.Decoder(_Predict)
_SETUP = msgspec.json.Decoder(_Setup)
_SETUP_TOKEN = msgspec.json.Decoder(_SetupToken)
_WEBHOOK = msgspec.json.Decoder(_Webhook)
_CONTEXT: msgspec.json.Decoder[_Context | None] = msgspec.json.Decoder(_Context | None)


def decode(data: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T], where: str, path: str = "$") -> _T:
    """JSON ``data`` through ``decoder``. ``where`` names it in the sentence, ``path`` is its JSON path.

    Raises:
        BadRequest: not JSON (NaN and Infinity are not), not of the decoder's type, nested deeper than the
            interpreter's stack, or a number too large for a double.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `")
        at = path + place.rstrip("`").removeprefix("$")
        raise BadRequest(f"{where}: {_lower(problem)} at {at}") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{where} is not UTF-8; send JSON encoded as UTF-8") from None
    except msgspec.DecodeError as error:
        raise BadRequest(
            f"{where} is not JSON: {_lower(str(error).removeprefix('JSON is malformed: '))}"
        ) from None
    except RecursionError:
        raise BadRequest(f"{where} is nested too deeply; a request needs fewer than 100 levels") from None


def read_predict(body: bytes) -> PredictBody:
    """Read the body of ``POST /predict``.

    ``params`` and ``params.context`` may be null or missing, ``context.result`` too.

    Raises:
        BadRequest: the body is not JSON or not of the shape Label Studio sends; the sentence names the path.
    """
    where = "the body of /predict"
    wire = decode(_present(body, where), _PREDICT, where)
    params = wire.params or _Params()
    raw = memoryview(params.context)
    if raw.nbytes > CONTEXT_LIMIT:
        raise BadRequest(f"{where}: $.params.context is over {CONTEXT_LIMIT >> 20} MiB; send fewer prompts")
    context = decode(params.context, _CONTEXT, where, "$.params.context") or _Context()
    return PredictBody(
        tasks=wire.tasks,
        project_id=_project_id(wire.project, where),
        label_config=wire.label_config,
        items=context.result or (),
        event=context.event,
        login=params.login or context.project_credentials_login,
        password=params.password or context.project_credentials_password,
    )


def read_setup(body: bytes) -> SetupBody:
    """Read the body of ``POST /setup``; ``extra_params`` may be an object, text, null or missing.

    Raises:
        BadRequest: as :func:`read_predict`.
    """
    where = "the body of /setup"
    wire = decode(_present(body, where), _SETUP, where)
    extra_params, extra_text = _extra(wire.extra_params, where)
    return SetupBody(
        project_id=_project_id(wire.project, where),
        schema=wire.schema or "",
        hostname=wire.hostname or "",
        extra_params=extra_params,
        extra_text=extra_text,
    )


def read_setup_token(body: bytes) -> str | None:
    """Label Studio's token in the body of ``POST /setup``, which :func:`read_setup` skips.

    Raises:
        BadRequest: as :func:`read_predict`.
    """
    where = "the body of /setup"
    return decode(_present(body, where), _SETUP_TOKEN, where).access_token or None


def read_webhook(body: bytes) -> WebhookBody:
    """Read the body of ``POST /webhook``.

    Raises:
        BadRequest: as :func:`read_predict`; ``action`` is required.
    """
    where = "the body of /webhook"
    wire = decode(_present(body, where), _WEBHOOK, where)
    project = wire.project
    if isinstance(project, _WebhookProject):
        identity, label_config = project.id, project.label_config
    else:
        identity, label_config = project, None
    return WebhookBody(
        action=wire.action,
        project_id=_project_id(identity, where),
        label_config=label_config,
        tasks=wire.tasks or ((wire.task,) if wire.task else ()),
    )


def _present(body: bytes, where: str) -> bytes:
    if not body:
        raise BadRequest(f"{where} is empty; send a JSON object")
    return body


def _project_id(project: float | str | None, where: str) -> str:
    """Label Studio writes "<id>.<creation time>"; the id is what identifies the project."""
    if project is None:
        return ""
    identity = str(project).partition(".")[0]
    if len(identity) > PROJECT_ID_LIMIT or not identity.isprintable():
        raise BadRequest(f"{where}: the project's id is no printable text of {PROJECT_ID_LIMIT} characters")
    return identity


def _extra(raw: msgspec.Raw, where: str) -> tuple[dict[str, object], str]:
    if memoryview(raw).nbytes > _EXTRA_LIMIT:
        raise BadRequest(f"{where}: $.extra_params is over {_EXTRA_LIMIT >> 20} MiB")
    value = decode(raw, _ANYTHING, where, "$.extra_params")
    text = value if isinstance(value, str) else ""
    if text:
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return {}, text
    if isinstance(value, dict):
        return value, ""
    return {}, text


def _lower(problem: str) -> str:
    return problem[:1].lower() + problem[1:]
