"""A trial click: the backend reads an image of the project with its own token, and makes a mask of it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from pydantic import SecretStr

from exports.regions import Regions
from imaging.options import ImageOptions
from imaging.reader import ImageReader
from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing
from net.sync_client import NoAnswer, SyncClient
from protocol.bodies.predict import read_predict
from protocol.click import read_images
from protocol.controls import Control
from protocol.label_config import LabelConfig, parse
from serve_app.cli.backend_client import TIMEOUT_S, json_object, plain_line, refusal
from serve_app.cli.common_options import CommandError
from values.errors import ServiceError
from values.image import ImageSource, ModelSize

Json = Any

_ANY_SIZE = (1, 1)
"""A picture that is a copy of every other one: the backend takes it where nobody here knows the real size."""

_ENOUGH = ModelSize(16, enlarge=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """A click that got a mask. ``task``: its id; ``size``: of the picture, width and height in pixels, None
    where this command could not read it; ``area``: of the mask in pixels; ``seconds``: until the answer."""

    task: int
    size: tuple[int, int] | None
    kind: str
    area: int
    seconds: float

    def __str__(self) -> str:
        took = f"{self.seconds * 1000:.0f} ms, the image read and encoded"
        if self.size is None:
            return f"task {self.task}: a mask ({self.kind}) in {took}"
        width, height = self.size
        share = 100 * self.area / (width * height)
        return (
            f"task {self.task}, in the middle: a mask of {self.area} pixels ({self.kind}, {share:.1f} % of "
            f"{width} x {height}) in {took}"
        )


def setup_warnings(backend: Backend, project: Project) -> list[str]:
    """What the backend says of a project's labeling config, as it tells Label Studio at /setup.

    Raises CommandError with the backend's own sentence where it refuses that.
    """
    answer = _ask(backend, "/setup", {"project": f"{project.id}.0", "schema": project.label_config})
    warnings = answer.get("warnings")
    return [str(each) for each in warnings] if isinstance(warnings, list) else []


def try_click(studio: LabelStudio, token: str, backend: Backend, project: Project) -> Trial | None:
    """Click in the middle of the project's first image, by way of the backend; None where there is no image.

    Raises CommandError with the backend's own sentence where it gives no mask.
    """
    task = next(iter(islice(TaskListing(studio, project.id), 1)), None)
    config = parse(project.label_config)
    control = next((each for each in config.controls if each.asks), None)
    if task is None or control is None:
        return None
    source = _source(task, project)
    size = None if source is None else _size_of(source, studio.url, token)
    body = _body(task, project, config, control, size or _ANY_SIZE)
    began = time.monotonic()
    answer = _ask(backend, "/predict", body)
    seconds = time.monotonic() - began
    region = next(iter(Regions(task.id, _results(answer))), None)
    if region is None:
        raise CommandError(
            f"the trial click in the middle of task {task.id} got no mask; {backend.url}/diagnose says why: "
            "open that task and click on an object to see whether it is the picture"
        )
    return Trial(task.id, size, region.shape.kind, region.shape.runs.area, seconds)


def label_studio_of(backend: Backend) -> str:
    """A sentence of the backend's own about whether it reaches Label Studio; "" where it tells none.

    Raises CommandError where it does not.
    """
    said = _ask(backend, "/diagnose", None)
    answers, sentence = said.get("answers"), plain_line(said.get("label_studio") or "")
    if isinstance(answers, dict) and not answers.get("label_studio"):
        raise CommandError(f"the backend does not read from Label Studio: {sentence}")
    return sentence if isinstance(answers, dict) else ""


def _ask(backend: Backend, path: str, body: Json) -> dict[str, Json]:
    """The JSON object that is answered, asked for once: what is refused now is what annotators would get.

    ``body`` None: a GET.
    """
    login = (backend.user, backend.password) if backend.user else None
    client = SyncClient(backend.url, TIMEOUT_S, login=login)
    try:
        if body is None:
            answer = client.send("GET", path, {})
        else:
            content = json.dumps(body).encode()
            answer = client.send("POST", path, {"Content-Type": "application/json"}, content=content)
    except NoAnswer as error:
        raise CommandError(
            f"{backend.url}{path} gave no answer ({error.kind}); see the terminal of `serve` and its logs"
        ) from error
    finally:
        client.close()
    found = json_object(answer)
    if answer.status != 200:
        _, detail = refusal(answer.status, found)
        raise CommandError(f"the backend refuses a trial of {path}: {detail}")
    return found


def _source(task: ListedTask, project: Project) -> ImageSource | None:
    """Where the task's first image is, as the backend will read it."""
    body = {"tasks": [_task(task)], "project": str(project.id), "label_config": project.label_config}
    found = read_images(read_predict(json.dumps(body).encode()), 1)
    return found[0] if found else None


def _size_of(source: ImageSource, studio: str, token: str) -> tuple[int, int] | None:
    """The picture's size as a browser shows it; None where this command may not or cannot read it.

    Nothing fails by that: whether the backend can is what the click tells.
    """

    async def read() -> tuple[int, int]:
        options = ImageOptions(label_studio_url=studio, label_studio_api_key=SecretStr(token))
        reader = ImageReader(options)
        try:
            pixels = await reader.read(source, _ENOUGH)
        finally:
            await reader.aclose()
        return pixels.width, pixels.height

    try:
        return asyncio.run(read())
    except (ServiceError, ValueError):
        return None


def _body(
    task: ListedTask, project: Project, config: LabelConfig, control: Control, size: tuple[int, int]
) -> Json:
    """A request to /predict as Label Studio's editor has it sent, with one click or one box."""
    kind = control.tag.lower()
    names = [label.spelling for label in control.labels[:1]]
    box = kind.startswith("rectangle")
    value: Json = {"x": 25, "y": 25, "width": 50, "height": 50} if box else {"x": 50, "y": 50, "width": 0.2}
    value |= {kind: names, "labels": names} if names else {}
    image = next((name for name in control.to_name if config.image(name)), "")
    item = {
        "id": "trial",
        "type": kind,
        "from_name": control.name,
        "to_name": image,
        "original_width": size[0],
        "original_height": size[1],
        "image_rotation": 0,
        "is_positive": True,
        "value": value,
    }
    return {
        "tasks": [_task(task)],
        "project": f"{project.id}.0",
        "label_config": project.label_config,
        "params": {
            "login": project.login,
            "password": project.password,
            "context": {"result": [item]},
        },
    }


def _task(task: ListedTask) -> Json:
    return {"id": task.id, "data": json.loads(task.data)}


def _results(answer: dict[str, Json]) -> list[msgspec.Raw]:
    """The regions of an answer, not decoded."""
    try:
        results = answer["results"][0]["result"]
    except (KeyError, IndexError, TypeError):
        return []
    return [msgspec.Raw(json.dumps(each).encode()) for each in results if isinstance(each, dict)]
