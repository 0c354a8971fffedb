"""The JSON bodies Label Studio posts, read only as far as this service needs them.

An interactive request carries the whole task: drafts, predictions and annotations with every mask drawn so
far, tens of megabytes of integers. Fields not named here are stepped over and never become Python objects,
and values whose size a client controls stay undecoded bytes (``msgspec.Raw``) until someone asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from values.errors import BadRequest

CONTEXT_LIMIT = 16 * 2**20
"""Bytes of JSON that ``params.context`` may hold: some dozen drawn masks."""

ID_LIMIT = 64
"""Characters of the id of a project or a task, which are kept and shown in many places."""

TEXT_LIMIT = 300
"""Characters of a name or a label, which each region of an answer repeats, and of a login or a password."""

TASK_LIMIT = 10_000
"""Tasks of one request: Label Studio asks for the predictions of a whole selection at once. Each takes some
hundred bytes here, and may take three in the body."""

ITEM_LIMIT = 5000
"""Items of ``context.result``: five for each prompt, since one stands there for each of its controls."""

_ABSENT = msgspec.Raw(b"null")
_T = TypeVar("_T")


Short: TypeAlias = Annotated[str, msgspec.Meta(max_length=TEXT_LIMIT)]
Identity: TypeAlias = (
    Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | Annotated[str, msgspec.Meta(max_length=ID_LIMIT)]
)
"""Of a task: a number of 64 bits, or a short text."""


class Task(msgspec.Struct, frozen=True):
    """A task: its id, and its data as undecoded JSON, an object or null (see ``variables.TaskData``)."""

    id: Identity | None = None
    data: msgspec.Raw = _ABSENT

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
    ``login``, ``password``: the project's task-data credentials, for the image's host.
    """

    tasks: tuple[Task, ...]
    project_id: str = ""
    label_config: str | None = None
    items: tuple[Item, ...] = ()
    login: str | None = None
    password: str | None = None

    @property
    def task_id(self) -> str:
        """The first task's id as text, for log lines; "" without one."""
        return "" if not self.tasks or self.tasks[0].id is None else str(self.tasks[0].id)

    def __repr__(self) -> str:
        return (
            f"PredictBody(project_id={self.project_id!r}, {len(self.tasks)} tasks, {len(self.items)} items)"
        )


class SetupBody(msgspec.Struct, frozen=True):
    """Body of ``POST /setup``, without the token in it: what is not read cannot leak."""

    project_id: str = ""
    schema: str = ""
    hostname: str = ""


class WebhookBody(msgspec.Struct, frozen=True):
    """Body of ``POST /webhook``: the action, its project, and the tasks it is about.

    Those that were created or deleted, or the one of the annotation.
    """

    action: str
    project_id: str = ""
    label_config: str | None = None
    tasks: tuple[Task, ...] = ()


class _Params(msgspec.Struct):
    login: Short | None = None
    password: Short | None = None
    context: msgspec.Raw = _ABSENT


class _Context(msgspec.Struct):
    result: tuple[Item, ...] | None = None
    project_credentials_login: Short | None = None
    project_credentials_password: Short | None = None


class _Predict(msgspec.Struct):
    tasks: tuple[Task, ...]
    project: int | float | str | None = None
    label_config: str | None = None
    params: _Params | None = None


class _Setup(msgspec.Struct):
    project: int | float | str | None = None
    schema: str | None = None
    hostname: str | None = None


class _SetupToken(msgspec.Struct):
    access_token: str | None = None


class _WebhookProject(msgspec.Struct):
    id: int | str | None = None
    label_config: str | None = None


class _Webhook(msgspec.Struct):
    action: Short
    project: _WebhookProject | int | str | None = None
    tasks: tuple[Task, ...] | None = None
    task: Task | None = None


_PREDICT = msgspec.json.Decoder(_Predict)
_SETUP = msgspec.json.Decoder(_Setup)
_SETUP_TOKEN = msgspec.json.Decoder(_SetupToken)
_WEBHOOK = msgspec.json.Decoder(_Webhook)
_CONTEXT: msgspec.json.Decoder[_Context | None] = msgspec.json.Decoder(_Context | None)


def _few(key: str, limit: int) -> msgspec.json.Decoder[Any]:
    """Decodes the array ``key`` of an object, and stops behind ``limit`` items.

    The ``max_length`` of msgspec counts what has become Python objects, however many those are.
    """
    items = [(f"item_{number}", msgspec.Raw, _ABSENT) for number in range(limit)]
    array = msgspec.defstruct("Items", items, array_like=True, forbid_unknown_fields=True)
    return msgspec.json.Decoder(msgspec.defstruct("Few", [(key, array | None, None)]))


_FEW_TASKS = _few("tasks", TASK_LIMIT)
_FEW_ITEMS = _few("result", ITEM_LIMIT)


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
    _check_tasks(body, where)
    wire = decode(_present(body, where), _PREDICT, where)
    _check_data(wire.tasks, where)
    params = wire.params or _Params()
    raw = memoryview(params.context)
    if raw.nbytes > CONTEXT_LIMIT:
        raise BadRequest(f"{where}: $.params.context is over {CONTEXT_LIMIT >> 20} MiB; send fewer prompts")
    if not _is_few(raw, ITEM_LIMIT, _FEW_ITEMS):
        raise BadRequest(f"{where}: $.params.context.result has over {ITEM_LIMIT} items; send fewer prompts")
    context = decode(params.context, _CONTEXT, where, "$.params.context") or _Context()
    return PredictBody(
        tasks=wire.tasks,
        project_id=_project_id(wire.project, where),
        label_config=wire.label_config,
        items=context.result or (),
        login=params.login or context.project_credentials_login,
        password=params.password or context.project_credentials_password,
    )


def read_setup(body: bytes) -> SetupBody:
    """Read the body of ``POST /setup``.

    Raises:
        BadRequest: as ``read_predict``.
    """
    where = "the body of /setup"
    wire = decode(_present(body, where), _SETUP, where)
    return SetupBody(
        project_id=_project_id(wire.project, where),
        schema=wire.schema or "",
        hostname=wire.hostname or "",
    )


def read_setup_token(body: bytes) -> str | None:
    """Label Studio's token in the body of ``POST /setup``, which ``read_setup`` skips.

    Raises:
        BadRequest: as ``read_predict``.
    """
    where = "the body of /setup"
    return decode(_present(body, where), _SETUP_TOKEN, where).access_token or None


def read_webhook(body: bytes) -> WebhookBody:
    """Read the body of ``POST /webhook``.

    Raises:
        BadRequest: as ``read_predict``; ``action`` is required.
    """
    where = "the body of /webhook"
    _check_tasks(body, where)
    wire = decode(_present(body, where), _WEBHOOK, where)
    tasks = wire.tasks or ((wire.task,) if wire.task else ())
    _check_data(tasks, where)
    project = wire.project
    if isinstance(project, _WebhookProject):
        identity, label_config = project.id, project.label_config
    else:
        identity, label_config = project, None
    return WebhookBody(
        action=wire.action,
        project_id=_project_id(identity, where),
        label_config=label_config,
        tasks=tasks,
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
    if len(identity) > ID_LIMIT or not identity.isprintable():
        raise BadRequest(f"{where}: the project's id is no printable text of {ID_LIMIT} characters")
    return identity


def _check_tasks(body: bytes, where: str) -> None:
    if not _is_few(body, TASK_LIMIT, _FEW_TASKS):
        raise BadRequest(f"{where} has over {TASK_LIMIT} tasks; send fewer at a time")


def _is_few(data: bytes | memoryview, limit: int, few: msgspec.json.Decoder[Any]) -> bool:
    """Whether an array of objects in ``data`` has at most ``limit``; what is no such array is not judged."""
    if bytes(data).count(b"{") <= limit:
        return True
    try:
        few.decode(data)
    except msgspec.ValidationError as error:
        return "at most length" not in str(error)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    return True


def _check_data(tasks: Sequence[Task], where: str) -> None:
    for number, task in enumerate(tasks):
        if bytes(memoryview(task.data)[:1]) not in (b"{", b"n"):
            raise BadRequest(f"{where}: expected `object | null` at $.tasks[{number}].data")


def _lower(problem: str) -> str:
    return problem[:1].lower() + problem[1:]
