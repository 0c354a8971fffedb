"""The ``/preannotate`` route as the command speaks with it: a task's boxes there, their masks back."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

import msgspec

from label_studio.ml_backends import Backend
from label_studio.projects import Project
from label_studio.tasks import ListedTask
from serve_app.cli.backend_client import Route, plain_line


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
    """What the boxes of one task became. ``masks``: how many. ``result``: the regions, as JSON. ``made``: of
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
    """The ``/preannotate`` route of a backend. ``masks`` may be called from several threads at once."""

    def __init__(self, backend: Backend, at_once: int, stopped: threading.Event) -> None:
        super().__init__(backend, "/preannotate", at_once, stopped)

    def masks(self, project: Project, task: ListedTask, results: Sequence[msgspec.Raw]) -> Masks:
        """The masks of the boxes in ``results``.

        Raises what ``serve_app.cli.backend_client.Route.send`` raises.
        """
        answer = self.send(body(project, task, results))
        try:
            [masks] = _ANSWER.decode(answer.body).results
        except msgspec.MsgspecError:
            raise self.bad_answer() from None
        return masks


def body(project: Project, task: ListedTask, results: Sequence[msgspec.Raw]) -> bytes:
    """The request, shaped as Label Studio shapes that of ``/predict``: what it stored goes on as it came."""
    head = {
        "project": str(project.id),
        "label_config": project.label_config,
        "params": {"login": project.login, "password": project.password},
    }
    regions = b", ".join(map(bytes, results))
    annotated = b'{"id": %d, "data": %b, "annotations": [{"result": [%b]}]}' % (task.id, task.data, regions)
    return json.dumps(head).encode()[:-1] + b', "tasks": [' + annotated + b"]}"
