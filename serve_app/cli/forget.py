"""`python -m serve_app forget`: the embeddings of images that were replaced, or that must not be kept."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from typing import Annotated

import typer

from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from serve_app.cli.backend_client import Route, TaskFailed
from serve_app.cli.common_options import (
    BACKEND,
    LABEL_STUDIO,
    AsJson,
    BackendUrl,
    BasicAuthPass,
    BasicAuthUser,
    CommandError,
    LabelStudioUrl,
    Token,
    backend_at,
    label_studio_at,
)
from serve_app.cli.console import TaskProgress, task_progress
from serve_app.cli.precompute.task_sources import (
    ListedTasks,
    NamedImages,
    NamedTasks,
    Task,
    Tasks,
    plain_projects,
)
from values.errors import ServiceError

TASKS_AT_ONCE = 20
"""Tasks of one request; their images are forgotten a few at a time."""


@dataclass
class Told:
    """What was done: embeddings ``forgotten``, tasks or images gone through; why it ``stopped`` early."""

    forgotten: int = 0
    gone_through: int = 0
    stopped: str | None = None


def forget(
    projects: Annotated[
        list[int] | None,
        typer.Option(
            "--project",
            min=1,
            help="Id of a project; all its images, or those of --image.",
            show_default=False,
        ),
    ] = None,
    tasks: Annotated[
        list[int] | None,
        typer.Option("--task", min=1, help="Id of a task; repeat the option for more.", show_default=False),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--image", help="An image of --project, as its task's data names it.", show_default=False
        ),
    ] = None,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: BackendUrl = BACKEND,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
    as_json: AsJson = False,
) -> None:
    """Forget the embeddings of projects, of tasks or of single images, in memory and in the durable tier.

    The next click on an image encodes it again. The tasks come from Label Studio; --image works without it,
    and so finds images whose tasks are gone. Ends with status 1 if anything failed, 130 after Ctrl-C.
    """
    numbers, told, asked = list(dict.fromkeys(projects or ())), Told(), "images" if images else "tasks"
    try:
        _check(numbers, tasks or [], images or [])
        target = backend_at(backend, basic_auth_user, basic_auth_pass)
        studio = None if images else label_studio_at(label_studio_url, token)
    except CommandError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with Forgetter(target) as forgetter, studio or contextlib.nullcontext():
            forgetter.check()
            sources = _sources(studio, numbers, tasks or [], images or [])
            _forget(forgetter, sources, told, task_progress(quiet=as_json))
    except KeyboardInterrupt:
        told.stopped = "stopped by Ctrl-C"
        _tell(told, asked, as_json)
        raise typer.Exit(130) from None
    except (ServiceError, TaskFailed) as error:
        told.stopped = str(error)
    _tell(told, asked, as_json)
    raise typer.Exit(int(told.stopped is not None))


class Forgetter(Route):
    """The ``/forget`` route of a backend."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, "/forget", 1, threading.Event())

    def forget(self, tasks: Sequence[Task]) -> int:
        """Have the images of these tasks, all of one project, forgotten; how many embeddings there were.

        Raises what ``serve_app.cli.backend_client.Route.ask`` raises.
        """
        project = tasks[0].project
        body = {
            "tasks": [{"id": task.id, "data": task.data} for task in tasks],
            "project": str(project.id),
            "label_config": project.label_config,
        }
        try:
            answer = self.ask(body)
        except TaskFailed:
            if len(tasks) == 1:
                raise
            # Some of them show hundreds of images: too many for one request, not for one each.
            return sum(self.forget([task]) for task in tasks)
        if not isinstance(answer.get("forgotten"), int):
            raise self.bad_answer()
        return int(answer["forgotten"])


def _check(projects: list[int], tasks: list[int], images: list[str]) -> None:
    if tasks and (projects or images):
        raise CommandError("--task cannot be combined with --project or --image")
    if images and not projects:
        raise CommandError("--image needs --project: embeddings are kept for each project on its own")
    if not projects and not tasks:
        raise CommandError("name what to forget: --project, --task, or --image with its --project")


def _sources(
    studio: LabelStudio | None, projects: list[int], tasks: list[int], images: list[str]
) -> Iterator[Tasks]:
    if studio is None:
        yield NamedImages(images, plain_projects(projects))
    elif tasks:
        yield NamedTasks(studio, tasks)
    else:
        for each in projects:
            yield ListedTasks(studio, each)


def _forget(forgetter: Forgetter, sources: Iterator[Tasks], told: Told, progress: TaskProgress) -> None:
    with progress:
        for source in sources:
            for _, tasks in groupby(source, key=lambda task: task.project):
                while batch := list(islice(tasks, TASKS_AT_ONCE)):
                    told.forgotten += forgetter.forget(batch)
                    told.gone_through += len(batch)
                    progress.task_done(told.gone_through, None, 0)


def _tell(told: Told, asked: str, as_json: bool) -> None:
    if told.stopped:
        typer.secho(f"forget: {told.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps({"ok": told.stopped is None, **asdict(told)}))
        return
    typer.echo(f"{told.forgotten} embeddings forgotten, {told.gone_through} {asked} checked")
    if told.stopped:
        typer.echo("run it again to continue; what is forgotten stays forgotten")
