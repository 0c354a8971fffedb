"""`python -m serve_app precompute`: the embeddings of whole projects, before anybody clicks."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import Annotated

import typer

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
from serve_app.cli.console import task_progress
from serve_app.cli.interruptions import noted
from serve_app.cli.own_application import application_at, variables_for
from serve_app.cli.precompute.embed_route import EmbedRoute
from serve_app.cli.precompute.sending import Report, TaskSender
from serve_app.cli.precompute.task_sources import (
    AddressTasks,
    FolderTasks,
    ListedTasks,
    Tasks,
    plain_projects,
)


def precompute(
    projects: Annotated[
        list[int],
        typer.Option(
            "--project", min=1, help="Id of a project; repeat the option for more.", show_default=False
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Send the images below this folder in place of the project's tasks."),
    ] = None,
    urls: Annotated[
        Path | None,
        typer.Option(
            "--urls",
            help="Send the addresses in this file, one a line, in place of the project's tasks; - is stdin.",
        ),
    ] = None,
    document_root: Annotated[
        Path | None,
        typer.Option(
            "--document-root",
            envvar=["LOCAL_FILES_DOCUMENT_ROOT", "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"],
            help="Label Studio's folder of local files as this command sees it; --folder is inside it.",
        ),
    ] = None,
    find: Annotated[
        bool, typer.Option("--find", help="The detector of FINDER looks at the images as well.")
    ] = False,
    only_unlabelled: Annotated[
        bool, typer.Option("--only-unlabelled", help="Leave out tasks that are labelled.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Send at most this many tasks.")] = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=256, help="Tasks sent at the same time.")
    ] = 8,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: BackendUrl = BACKEND,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
    as_json: AsJson = False,
) -> None:
    """Encode the images of projects ahead, so that no annotator waits for the encoder.

    Sends each task to the running backend, which needs a place to keep embeddings (DURABLE); starts one for
    itself where none runs. Running it again continues where it stopped. Ends with status 1 if any image
    failed, 130 after Ctrl-C or SIGTERM.
    """
    numbers = list(dict.fromkeys(projects))
    try:
        target = backend_at(backend, basic_auth_user, basic_auth_pass)
        made = _made(numbers, folder, urls, document_root, only_unlabelled=only_unlabelled)
        studio = label_studio_at(label_studio_url, token) if made is None else None
    except CommandError as error:
        raise typer.BadParameter(str(error)) from None
    report, stopped = Report(), threading.Event()
    own = variables_for(backend, label_studio_url, token, basic_auth_user, basic_auth_pass)
    with (
        noted(report),
        application_at(target, own),
        EmbedRoute(target, at_once, stopped, find=find) as route,
        studio or contextlib.nullcontext(),
    ):
        route.check()
        sources = [made] if made else []
        if studio:
            sources += [ListedTasks(studio, each, only_unlabelled=only_unlabelled) for each in numbers]
        progress = task_progress(quiet=as_json)
        TaskSender(route, sources, limit, report, progress).run(at_once, stopped)
    report.end()
    _tell(report, as_json)
    raise typer.Exit(report.status)


def _made(
    projects: list[int],
    folder: Path | None,
    urls: Path | None,
    document_root: Path | None,
    *,
    only_unlabelled: bool,
) -> Tasks | None:
    """The tasks of a folder or of a list of addresses, or None where Label Studio is to be asked."""
    if folder is None and urls is None:
        return None
    if folder is not None and urls is not None:
        raise CommandError("give --folder or --urls, not both")
    if only_unlabelled:
        raise CommandError("--only-unlabelled works only with a project's tasks; leave it out")
    plain = plain_projects(projects)
    if urls is not None:
        return AddressTasks(urls, plain)
    if folder is None or document_root is None:
        raise CommandError("--folder needs --document-root, or LOCAL_FILES_DOCUMENT_ROOT to be set")
    return FolderTasks(folder, document_root, plain)


def _tell(report: Report, as_json: bool) -> None:
    if report.stopped:
        typer.secho(f"precompute: {report.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps(report.summary()))
        return
    for each in report.failures:
        line = f"project {each.project}, task {each.task}: {each.sentence} ({each.code})"
        typer.secho(line, fg="red", err=True)
    if report.tasks or not report.stopped:
        typer.echo("\n".join(report.lines()))
