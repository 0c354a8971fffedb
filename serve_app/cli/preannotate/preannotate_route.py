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
from protocol.bodies.preannotate import Everything
from serve_app.cli.backend_client import Route, Unanswered, plain_line
from values.errors import DeadlineExceeded

GOES = 9
"""How many times more a grid is asked for, six attempts each, where annotators click all the time."""


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

    ``everything``: what is asked for in place of masks of boxes.
    """

    def __init__(
        self,
        backend: Backend,
        at_once: int,
        stopped: threading.Event,
        everything: Everything | None = None,
    ) -> None:
        super().__init__(backend, "/preannotate", at_once, stopped)
        self._everything = everything

    def masks(self, project: Project, task: ListedTask, results: Sequence[msgspec.Raw]) -> Masks:
        """The masks of a task, or of its boxes, which are in ``results``.

        Raises what ``serve_app.cli.backend_client.Route.send`` raises.
        """
        answer = self._patiently(body(project, task, results, self._everything))
        try:
            [masks] = _ANSWER.decode(answer.body).results
        except msgspec.MsgspecError:
            raise self.bad_answer() from None
        return masks

    def _patiently(self, content: bytes) -> Answer:
        """The answer; a grid that was not done in time is gone on with when it is asked for again."""
        for _ in range(GOES if self._everything is not None else 0):
            try:
                return self.send(content)
            except Unanswered as error:
                if error.code != DeadlineExceeded.code:
                    raise
        return self.send(content)


def body(
    project: Project, task: ListedTask, results: Sequence[msgspec.Raw], everything: Everything | None = None
) -> bytes:
    """The request, shaped as Label Studio shapes that of ``/predict``: what it stored goes on as it came."""
    head: dict[str, Any] = {
        "project": str(project.id),
        "label_config": project.label_config,
        "params": {"login": project.login, "password": project.password},
    }
    if everything is not None:
        head["everything"] = msgspec.to_builtins(everything)
    regions = b", ".join(map(bytes, results))
    annotated = b'{"id": %d, "data": %b, "annotations": [{"result": [%b]}]}' % (task.id, task.data, regions)
    return json.dumps(head).encode()[:-1] + b', "tasks": [' + annotated + b"]}"
