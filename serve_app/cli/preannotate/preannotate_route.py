"""The ``/preannotate`` route as the command speaks with it: a task there, its masks back."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import msgspec

from label_studio.ml_backends import Backend
from label_studio.projects import Project
from label_studio.tasks import ListedTask
from net.answer import Answer
from protocol.bodies.preannotate import Things, Wanted
from protocol.finding import found_version
from serve_app.cli.backend_client import Route, TaskFailed, Unanswered, plain_line
from serve_app.cli.common_options import CommandError
from values.errors import DeadlineExceeded

GOES = 7
"""How many times more a task is asked for, eight attempts each, that needs longer than an answer may take: a
grid where annotators click all the time, or a look of a detector without a GPU."""

NONE = "none"
"""How ``/health`` says that there is no detector; so does one of an older version that knows of none."""

NO_FINDER_THERE = "set FINDER there to owlv2_base, say, and restart it; see docs/find.md"


class LeftOut(msgspec.Struct, frozen=True):
    """A box without a mask, and why; ``region`` is "" where it is a whole image."""

    region: str = ""
    error: str = "failed"
    detail: str = "no reason given"

    @property
    def code(self) -> str:
        """What went wrong, in a word that a terminal shows."""
        return plain_line(self.error)

    @property
    def sentence(self) -> str:
        """Why, as a line that a terminal shows."""
        return plain_line(self.detail)


class Made(msgspec.Struct, frozen=True):
    """What one box became: ``results`` of the task's results, which are in the order of the boxes."""

    region: str
    results: int
    score: float


class Masks(msgspec.Struct, frozen=True):
    """What one task gave. ``boxes`` and ``masks``: how many. ``result``: the regions, as JSON. ``made``: of
    each box; None from a backend that does not tell."""

    boxes: int
    masks: int
    model_version: str
    score: float
    result: msgspec.Raw
    left_out: list[LeftOut]
    made: list[Made] | None = None


class _Answer(msgspec.Struct):
    results: tuple[Masks]


_ANSWER = msgspec.json.Decoder(_Answer)


class PreannotateRoute(Route):
    """The ``/preannotate`` route of a backend. ``masks`` may be called from several threads at once.

    ``wanted``: what is asked for in place of masks of boxes. ``name``: is added to the model version of the
    masks, so that they are not taken for those of something else that the same models were asked for.
    """

    def __init__(
        self,
        backend: Backend,
        at_once: int,
        stopped: threading.Event,
        wanted: Wanted | None = None,
        name: str = "",
    ) -> None:
        super().__init__(backend, "/preannotate", at_once, stopped)
        self._wanted = wanted
        self._name = name

    def look_for(self, things: Things, project: Project) -> None:
        """Ask for these from now on. Raises CommandError where their examples cannot be used."""
        self._wanted = things
        try:
            self._patiently(body(project, (), things))
        except TaskFailed as error:
            raise CommandError(f"an example cannot be used: {error.sentence}") from None

    def version(self) -> str:
        """The model version of what is stored. Raises CommandError where nothing serves that can do it."""
        health = self.health()
        version = str(health.get("model_version") or "")
        if not version:
            raise CommandError(f"{self.url} does not say yet which model serves; try again in a moment")
        if not isinstance(self._wanted, Things):
            return version
        finder = str(health.get("finder") or NONE)
        if finder == NONE:
            raise CommandError(f"{self.url} finds nothing: {NO_FINDER_THERE}")
        return self._named(found_version(finder, version))

    def masks(self, project: Project, task: ListedTask, results: Sequence[msgspec.Raw]) -> Masks:
        """The masks of a task, or of its boxes, which are in ``results``.

        Raises what ``serve_app.cli.backend_client.Route.send`` raises.
        """
        answer = self._patiently(body(project, [(task, results)], self._wanted))
        try:
            [masks] = _ANSWER.decode(answer.body).results
        except msgspec.MsgspecError:
            raise self.bad_answer() from None
        return msgspec.structs.replace(masks, model_version=self._named(masks.model_version))

    def _named(self, version: str) -> str:
        return f"{version}-{self._name}" if self._name else version

    def _patiently(self, content: bytes) -> Answer:
        """The answer; what was not done in time is gone on with when it is asked for again."""
        for _ in range(GOES if self._wanted is not None else 0):
            try:
                return self.send(content)
            except Unanswered as error:
                if error.code != DeadlineExceeded.code:
                    raise
        return self.send(content)


def body(
    project: Project,
    tasks: Sequence[tuple[ListedTask, Sequence[msgspec.Raw]]],
    wanted: Wanted | None = None,
) -> bytes:
    """The request, shaped as Label Studio shapes that of ``/predict``: what it stored goes on as it came."""
    head: dict[str, Any] = {
        "project": str(project.id),
        "label_config": project.label_config,
        "params": {"login": project.login, "password": project.password},
    }
    if wanted is not None:
        key = "find" if isinstance(wanted, Things) else "everything"
        head[key] = msgspec.to_builtins(wanted)
    annotated = [
        b'{"id": %d, "data": %b, "annotations": [{"result": [%b]}]}'
        % (task.id, task.data, b", ".join(map(bytes, results)))
        for task, results in tasks
    ]
    return json.dumps(head).encode()[:-1] + b', "tasks": [' + b", ".join(annotated) + b"]}"
