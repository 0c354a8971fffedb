"""What the bodies have in common: tasks, whose data stay undecoded, and a project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import msgspec

from protocol.bodies.json_text import ABSENT, ArrayLimit
from values.errors import BadRequest

ID_LIMIT = 64
"""Characters of the id of a project or a task, which are kept and shown in many places."""

TASK_LIMIT = 10_000
"""Tasks of one request: Label Studio asks for the predictions of a whole selection at once. Each takes some
hundred bytes here, and may take three in the body."""

Identity: TypeAlias = (
    Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    | Annotated[str, msgspec.Meta(max_length=ID_LIMIT)]
)
"""Of a task: a number of 64 bits, or a short text."""

_FEW_TASKS = ArrayLimit("tasks", TASK_LIMIT)


class Task(msgspec.Struct, frozen=True):
    """A task: its id, and its data as undecoded JSON, an object or null (see ``variables.TaskData``)."""

    id: Identity | None = None
    data: msgspec.Raw = ABSENT

    @property
    def number(self) -> int | None:
        """The id as Label Studio's integer, or None for a client with ids of its own kind."""
        if isinstance(self.id, str):
            return int(self.id) if self.id.isascii() and self.id.isdigit() and len(self.id) < 20 else None
        return self.id


def check_count(body: bytes, where: str) -> None:
    """Raises BadRequest where the body has over ``TASK_LIMIT`` tasks, before they are read."""
    if not _FEW_TASKS.holds(body):
        raise BadRequest(f"{where} has over {TASK_LIMIT} tasks; send fewer at a time")


def check_data(tasks: Sequence[Task], where: str) -> None:
    """Raises BadRequest where a task's data are neither an object nor null."""
    for number, task in enumerate(tasks):
        if bytes(memoryview(task.data)[:1]) not in (b"{", b"n"):
            raise BadRequest(f"{where}: expected `object | null` at $.tasks[{number}].data")


def project_id(project: float | str | None, where: str) -> str:
    """Label Studio writes "<id>.<creation time>"; the id is what identifies the project. "" without one.

    Raises BadRequest for what is no printable text of ``ID_LIMIT`` characters.
    """
    if project is None:
        return ""
    identity = str(project).partition(".")[0]
    if len(identity) > ID_LIMIT or not identity.isprintable():
        raise BadRequest(f"{where}: the project's id is no printable text of {ID_LIMIT} characters")
    return identity
