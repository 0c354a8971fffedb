"""``python -m serve_app connect``: a Label Studio project that uses this backend, in one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from serve_app.cli.common_options import (
    BACKEND,
    LABEL_STUDIO,
    BasicAuthPass,
    BasicAuthUser,
    LabelStudioUrl,
    Token,
    backend_at,
    label_studio_at,
)
from serve_app.cli.connect import connection, images, project
from values.errors import ServiceError

_HOW_TO = (
    "In a task: switch Auto-Annotation on, pick the smart tool (the last one of the toolbar), then a label, "
    "then click the object."
)


def connect(
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: Annotated[
        str, typer.Option("--backend", help="This backend's address as Label Studio reaches it.")
    ] = BACKEND,
    project_name: Annotated[
        str, typer.Option("--project", help="Id or title of the project; a new title makes a project.")
    ] = project.DEFAULT_TITLE,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="A label; give it once for each.", show_default="Object, in a new project"
        ),
    ] = None,
    image_folder: Annotated[
        Path | None, typer.Option("--images", help="Folder of images to import; each is imported once.")
    ] = None,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
) -> None:
    """Make or take a Label Studio project and connect it to this backend.

    Sets up labels, imports images, adds the backend with interactive pre-annotations on and checks that Label
    Studio reaches it. Running it again changes nothing that is already as asked.
    """
    try:
        paths = images.find(image_folder) if image_folder else []
        target = backend_at(backend, basic_auth_user, basic_auth_pass)
        with label_studio_at(label_studio_url, token) as studio:
            _connect(studio, target, project_name.strip() or project.DEFAULT_TITLE, label or [], paths)
    except ServiceError as error:
        typer.echo(f"connect: {error}", err=True)
        raise typer.Exit(1) from None


def _connect(studio: LabelStudio, target: Backend, name: str, labels: list[str], paths: list[Path]) -> None:
    _say("Label Studio", f"{studio.url} (version {studio.version()})")

    taken = project.take(studio, name, labels)
    _say("project", f"{taken.id} {taken.title!r}: {taken.done}")
    _say("labels", f"{', '.join(taken.labels) or 'none'}: {taken.labels_done}")

    if paths:
        with typer.progressbar(
            length=len(paths), label="images", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            new, there = images.import_new(studio, taken.id, paths, bar.update)
        _say(
            "images", f"{new} imported, {there} already there" if new else f"unchanged, {there} already there"
        )

    done = connection.add(studio, taken.id, target)
    _say("backend", f"{target.url}: {done}; Label Studio reaches it")
    if taken.warning:
        typer.echo(f"warning: {taken.warning}", err=True)
    typer.echo(f"\nAnnotate at {studio.url}/projects/{taken.id}/data\n{_HOW_TO}")


def _say(what: str, how: str) -> None:
    typer.echo(f"{what:<13} {how}")
