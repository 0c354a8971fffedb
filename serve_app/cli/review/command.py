"""``python -m serve_app review``: which annotations of a project somebody should look at again."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from label_studio.projects import project_of
from protocol.options import ReadOptions
from protocol.unaccepted import REMEDY
from serve_app.cli.common_options import (
    LABEL_STUDIO,
    AsJson,
    CommandError,
    LabelStudioUrl,
    Token,
    label_studio_at,
)
from serve_app.cli.console import task_progress
from serve_app.cli.interruptions import noted
from serve_app.cli.review.findings import Review
from serve_app.cli.review.unaccepted_prompts import UnacceptedPrompts
from serve_app.settings import Settings, SettingsError


def review(
    project: Annotated[int, typer.Option("--project", min=1, help="Id of the project.", show_default=False)],
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List the annotations of a project that were saved with their clicks and without a mask.

    Without the tick in the bottom bar Label Studio stores only the dot of a click, and says that it saved.
    Changes nothing. What may be meant so is listed as not known. Ends with status 1 if a mask is missing for
    sure or something was not looked at, 130 after Ctrl-C.
    """
    try:
        studio = label_studio_at(label_studio_url, token)
        order = Settings().part(ReadOptions).output_order
    except (CommandError, SettingsError) as error:
        raise typer.BadParameter(str(error)) from None
    found = Review(project)
    with noted(found), studio:
        check = UnacceptedPrompts(studio, project_of(studio, project), order)
        check.run(found, task_progress(quiet=as_json))
    _tell(found, as_json)
    raise typer.Exit(found.status)


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
