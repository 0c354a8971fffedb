"""The body of ``POST /predict``: tasks, their project, and the prompts that wait for an answer."""

from __future__ import annotations

import msgspec

from protocol.bodies.json_text import ABSENT, ArrayLimit, Short, decode, decode_body
from protocol.bodies.task import Task, check_count, check_data, project_id
from values.errors import BadRequest

CONTEXT_LIMIT = 16 * 2**20
"""Bytes of JSON that ``params.context`` may hold: some dozen drawn masks."""

ITEM_LIMIT = 5000
"""Items of ``context.result``: five for each prompt, since there is one for each of its controls."""

_FEW_ITEMS = ArrayLimit("result", ITEM_LIMIT)


class Item(msgspec.Struct, frozen=True):
    """One entry of ``context.result``. All but ``type`` is undecoded: an unknown kind may hold anything."""

    type: str
    value: msgspec.Raw = ABSENT
    id: msgspec.Raw = ABSENT
    from_name: msgspec.Raw = ABSENT
    to_name: msgspec.Raw = ABSENT
    original_width: msgspec.Raw = ABSENT
    original_height: msgspec.Raw = ABSENT
    image_rotation: msgspec.Raw = ABSENT
    is_positive: msgspec.Raw = ABSENT
    item_index: msgspec.Raw = ABSENT


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


class _Params(msgspec.Struct):
    login: Short | None = None
    password: Short | None = None
    context: msgspec.Raw = ABSENT


class _Context(msgspec.Struct):
    result: tuple[Item, ...] | None = None
    project_credentials_login: Short | None = None
    project_credentials_password: Short | None = None


class _Predict(msgspec.Struct):
    tasks: tuple[Task, ...]
    project: int | float | str | None = None
    label_config: str | None = None
    params: _Params | None = None


_PREDICT = msgspec.json.Decoder(_Predict)
_CONTEXT: msgspec.json.Decoder[_Context | None] = msgspec.json.Decoder(_Context | None)


def read_predict(body: bytes) -> PredictBody:
    """Read the body of ``POST /predict``.

    ``params`` and ``params.context`` may be null or missing, ``context.result`` too.

    Raises:
        BadRequest: the body is not JSON or not of the shape Label Studio sends; the sentence names the path.
    """
    where = "the body of /predict"
    check_count(body, where)
    wire = decode_body(body, _PREDICT, where)
    check_data(wire.tasks, where)
    params = wire.params or _Params()
    raw = memoryview(params.context)
    if raw.nbytes > CONTEXT_LIMIT:
        raise BadRequest(f"{where}: $.params.context is over {CONTEXT_LIMIT >> 20} MiB; send fewer prompts")
    if not _FEW_ITEMS.holds(raw):
        raise BadRequest(f"{where}: $.params.context.result has over {ITEM_LIMIT} items; send fewer prompts")
    context = decode(params.context, _CONTEXT, where, "$.params.context") or _Context()
    return PredictBody(
        tasks=wire.tasks,
        project_id=project_id(wire.project, where),
        label_config=wire.label_config,
        items=context.result or (),
        login=params.login or context.project_credentials_login,
        password=params.password or context.project_credentials_password,
    )
