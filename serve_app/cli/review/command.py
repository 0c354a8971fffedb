"""``python -m serve_app review``: which annotations of a project somebody should look at again."""

from __future__ import annotations

import json
import threading
from typing import Annotated

import typer

from label_studio.projects import project_of
from protocol.options import ReadOptions
from protocol.unaccepted import REMEDY
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
from serve_app.cli.console import console, task_progress
from serve_app.cli.interruptions import noted
from serve_app.cli.own_application import application_at, variables_for
from serve_app.cli.preannotate.boxed_tasks import check_config
from serve_app.cli.preannotate.preannotate_route import PreannotateRoute
from serve_app.cli.review.findings import Review
from serve_app.cli.review.looked_at import LookedAt
from serve_app.cli.review.second_look import SecondLook, version_of_scores
from serve_app.cli.review.unaccepted_prompts import UnacceptedPrompts
from serve_app.settings import Settings, SettingsError


def review(
    project: Annotated[int, typer.Option("--project", min=1, help="Id of the project.", show_default=False)],
    masks: Annotated[
        bool,
        typer.Option("--masks", help="Compare each region with what the model makes of its box and middle."),
    ] = False,
    store_scores: Annotated[
        bool,
        typer.Option(
            "--store-scores", help="With --masks: store each task's least IoU as a prediction's score."
        ),
    ] = False,
    top: Annotated[
        int, typer.Option("--top", min=1, max=10_000, help="With --masks: regions that the table has.")
    ] = 50,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="With --masks: at most this many tasks.")
    ] = None,
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=256, help="With --masks: tasks in work at the same time.")
    ] = 4,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: BackendUrl = BACKEND,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
    as_json: AsJson = False,
) -> None:
    """List the annotations of a project that were saved with their clicks and without a mask.

    Without the tick in the bottom bar Label Studio stores only the dot of a click, and says that it saved.
    Changes nothing. What may be meant so is listed as not known. Ends with status 1 if a mask is missing for
    sure or something was not looked at, 130 after Ctrl-C.

    With --masks it compares the masks instead, the least alike first: the running backend is asked what it
    makes of each region's box and middle, behind all clicks; one is started where none runs. Ends with status
    1 if something was not looked at.
    """
    try:
        if store_scores and not masks:
            raise CommandError("--store-scores works only with --masks")
        studio = label_studio_at(label_studio_url, token)
        order = Settings().part(ReadOptions).output_order
        target = backend_at(backend, basic_auth_user, basic_auth_pass) if masks else None
    except (CommandError, SettingsError) as error:
        raise typer.BadParameter(str(error)) from None
    if target is not None:
        looked = LookedAt(project)
        own = variables_for(backend, label_studio_url, token, basic_auth_user, basic_auth_pass)
        with noted(looked), studio:
            known = project_of(studio, project)
            check_config(known, order)
            stopped = threading.Event()
            with application_at(target, own), PreannotateRoute(target, at_once, stopped) as route:
                route.check()
                progress = task_progress(quiet=as_json)
                look = SecondLook(studio, known, route, looked, progress, limit=limit, store=store_scores)
                look.run(at_once, stopped)
        _tell_masks(looked, top, as_json)
        raise typer.Exit(looked.status)
    found = Review(project)
    with noted(found), studio:
        check = UnacceptedPrompts(studio, project_of(studio, project), order)
        check.run(found, task_progress(quiet=as_json))
    _tell(found, as_json)
    raise typer.Exit(found.status)


def _tell_masks(found: LookedAt, top: int, as_json: bool) -> None:
    if found.stopped:
        typer.secho(f"review: {found.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    for each in found.failures:
        typer.secho(str(each), fg="red", err=True)
    if found.regions:
        console().print(found.table(top))
    if found.regions or not found.stopped:
        typer.echo(found.line())
    if found.stored:
        version = version_of_scores(found.model_version)
        typer.echo(
            f"to delete the scores: preannotate --project {found.project} --delete --model-version {version}"
        )


def _tell(found: Review, as_json: bool) -> None:
    if found.stopped:
        typer.secho(f"review: {found.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    for each in found.findings:
        typer.echo(f"{each.link} annotation {each.annotation}: {each.said}")
    if found.untold:
        typer.echo(f"and {found.untold} more, which are not listed")
    if found.stopped and not found.annotations:
        return
    unread = f", {found.unread} could not be read" if found.unread else ""
    typer.echo(
        f"{found.annotations} annotations of {found.tasks} tasks: {found.certain} times a mask is missing, "
        f"{found.uncertain} times it is not known{unread}"
    )
    if found.findings:
        typer.echo(f"to mend one: {REMEDY}")
