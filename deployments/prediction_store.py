"""Predictions that are stored through Label Studio's API, where nobody waits for an answer that has them.

What is stored with this service's token is made of what Label Studio itself says of the project and the task:
whoever can send a request might say anything.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from msgspec import Raw

from concurrency.abandonable import run_abandonable
from deployments.calls.last_setup import SetupTokens
from label_studio.api import Address
from label_studio.client import LabelStudio
from label_studio.options import LabelStudioOptions
from label_studio.predictions import Prediction, predictions_of, store_once
from label_studio.projects import project_of
from label_studio.site import Site
from label_studio.tasks import annotations_of, patiently, task_in
from label_studio.tokens import Token
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.boxes import TaskWithBoxes, results_of_annotations, results_of_predictions
from values.errors import ImageUnauthorized

CLIENTS = 20
"""Tokens of which a client is kept."""


class PredictionStore:
    """Label Studio, with the token of the settings or that of a project's /setup. Used from one event loop.

    Label Studio's client may wait for minutes, so that each prediction is stored in a thread of its own.
    """

    def __init__(self, options: LabelStudioOptions, tokens: SetupTokens) -> None:
        site = Site.of(options)
        self._at = None if site is None else Address(str(site.base).rstrip("/"), "LABEL_STUDIO_URL")
        key = options.label_studio_api_key
        self._configured = None if key is None else key.get_secret_value()
        self._tokens = tokens
        self._clients: OrderedDict[str, LabelStudio] = OrderedDict()

    async def may_store(self, project: str) -> bool:
        """Whether there is a token for a project."""
        return project.isdecimal() and await self._token(project) is not None

    async def store(self, project: str, prediction: Prediction) -> bool:
        """Store a prediction unless one of its version is there; whether it is stored now.

        Raises what ``label_studio.predictions.store_once`` raises.
        """
        studio = await self._studio(project)
        return await run_abandonable(
            lambda: store_once(studio, int(project), prediction), "storing a prediction"
        )

    def close(self) -> None:
        """Close all connections."""
        for studio in self._clients.values():
            studio.close()
        self._clients.clear()

    async def about(self, project: str) -> PredictBody:
        """A project as a request says it, by what Label Studio says. Raises what ``LabelStudio`` raises."""
        studio = await self._studio(project)
        found = await run_abandonable(
            lambda: patiently(project_of, studio, int(project)), "reading a project"
        )
        return PredictBody((), project, found.label_config, login=found.login, password=found.password)

    async def boxes(
        self, project: str, number: int, version: str, kinds: frozenset[str]
    ) -> TaskWithBoxes | None:
        """A task of a project with its boxes, by what Label Studio says; None where it has none, or has a
        prediction of the model ``version``. Raises what ``LabelStudio`` raises.
        """
        studio = await self._studio(project)
        return await run_abandonable(
            lambda: _boxes(studio, int(project), number, version, kinds), "reading a task"
        )

    async def whole(
        self, project: str, number: int, version: str, *, annotated: bool = False
    ) -> TaskWithBoxes | None:
        """A task of a project without its boxes, by what Label Studio says; None where it has a prediction
        of the model ``version``.

        ``annotated``: with the regions of its newest annotation in their place. Raises what ``LabelStudio``
        raises.
        """
        studio = await self._studio(project)
        return await run_abandonable(
            lambda: _whole(studio, int(project), number, version, annotated=annotated), "reading a task"
        )

    async def _studio(self, project: str) -> LabelStudio:
        token = await self._token(project)
        if token is None or self._at is None:
            raise ImageUnauthorized("there is no token for Label Studio's API; set LABEL_STUDIO_API_KEY")
        return self._client(token, self._at)

    async def _token(self, project: str) -> str | None:
        if self._at is None:
            return None
        return self._configured or await self._tokens.of(project)

    def _client(self, token: str, at: Address) -> LabelStudio:
        if token not in self._clients:
            self._clients[token] = LabelStudio(Token(token, at, "in LABEL_STUDIO_API_KEY"))
            while len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(token)
        return self._clients[token]


def _boxes(
    studio: LabelStudio, project: int, number: int, version: str, kinds: frozenset[str]
) -> TaskWithBoxes | None:
    task = _without_masks(studio, project, number, version)
    if task is None:
        return None
    results = results_of_annotations(bytes(annotations_of(studio, number)), kinds)
    results = results or results_of_predictions(bytes(predictions_of(studio, number)), version, kinds)
    return replace(task, results=results) if results else None


def _whole(
    studio: LabelStudio, project: int, number: int, version: str, *, annotated: bool
) -> TaskWithBoxes | None:
    task = _without_masks(studio, project, number, version)
    if task is None or not annotated:
        return task
    return replace(task, results=results_of_annotations(bytes(annotations_of(studio, number))))


def _without_masks(studio: LabelStudio, project: int, number: int, version: str) -> TaskWithBoxes | None:
    task = task_in(studio, project, number)
    if task is None or (task.stored and version in (task.stored.versions or ())):
        return None
    return TaskWithBoxes(0, Task(number, Raw(task.data)), ())
