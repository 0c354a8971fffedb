"""``python -m serve_app search``: the tasks of a project that show what words name, or an example shows."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from label_studio.projects import project_of
from protocol.phrases import read_phrases
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
from serve_app.cli.console import console
from serve_app.cli.examples import example_of, read_name
from serve_app.cli.interruptions import noted
from serve_app.cli.own_application import variables_for
from serve_app.cli.search.asked import by_words
from serve_app.cli.search.kept import Kept
from serve_app.cli.search.searched import Searched
from serve_app.cli.search.searching import Search
from serve_app.settings import SettingsError
from values.errors import BadPrompt, ModelError

MOST_EXAMPLES = 64
"""Of one search, those of what is not meant among them."""


def search(
    project: Annotated[int, typer.Option("--project", min=1, help="Id of the project.", show_default=False)],
    find: Annotated[
        str | None,
        typer.Option(
            "--find", help='What things are called: "cat, traffic light"; a backend with FINDER reads it.'
        ),
    ] = None,
    like: Annotated[
        list[str] | None,
        typer.Option(
            "--like",
            help="A task and a region of it, as in 17:Xk3fQz; repeat the option for more.",
            show_default=False,
        ),
    ] = None,
    not_like: Annotated[
        list[str] | None,
        typer.Option("--not-like", help="For --like: the same, of what is not meant.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="Images that are shown.")] = 50,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="List all tasks and read all that is kept again.")
    ] = False,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: BackendUrl = BACKEND,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
    as_json: AsJson = False,
) -> None:
    """List the tasks of a project by how much they show what words, or an example, mean.

    Reads what the detector of FINDER saw in the images, which DURABLE keeps; these and LABEL_STUDIO_URL must
    be as the backend has them. With --like it need not run; with --find it is asked what the words mean, and
    is started for that where none runs. Changes nothing in Label Studio. The first search of a project makes
    an index, which takes longer. Ends with status 1 where it cannot search, 130 after Ctrl-C.
    """
    try:
        _check(find, like, not_like)
        kept = Kept.of(label_studio_url)
        meant = [read_name(each, "--like") for each in like or ()]
        not_meant = [read_name(each, "--not-like") for each in not_like or ()]
        if len(meant) + len(not_meant) > MOST_EXAMPLES:
            raise CommandError(f"at most {MOST_EXAMPLES} examples are taken at once")
        told = Searched(project, () if find is None else read_phrases(find), kept.finder)
        target = None if find is None else backend_at(backend, basic_auth_user, basic_auth_pass)
        studio = label_studio_at(label_studio_url, token)
    except (BadPrompt, CommandError, SettingsError, ModelError) as error:
        raise typer.BadParameter(str(error)) from None
    own = variables_for(backend, label_studio_url, token, basic_auth_user, basic_auth_pass)
    with noted(told), studio, asyncio.Runner() as runner:
        found = project_of(studio, project)
        one = Search(studio, found, kept, told, runner, quiet=as_json)
        if target is not None:
            asked = by_words(told.phrases, kept.finder, target, own)
        else:
            examples = [example_of(studio, found, *each) for each in [*meant, *not_meant]]
            asked = one.examples(examples[: len(meant)], examples[len(meant) :])
        one.run(asked, top, rebuild=rebuild)
    _tell(told, as_json)
    raise typer.Exit(told.status)


def _check(find: str | None, like: list[str] | None, not_like: list[str] | None) -> None:
    """Raises CommandError for options that do not go together."""
    if find is not None and (like or not_like):
        raise CommandError(
            "give --find or --like: scores of words and of examples do not compare; search once with each"
        )
    if not_like and not like:
        raise CommandError("--not-like works only with --like")
    if find is None and not like:
        raise CommandError(
            "give --find, to say in words what to look for, or --like, to name an annotated region"
        )


def _tell(told: Searched, as_json: bool) -> None:
    if told.stopped:
        typer.secho(f"search: {told.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps(told.as_json()))
        return
    if told.hits:
        console().print(told.table())
    if not told.stopped and not told.interrupted:
        typer.echo("\n".join(told.lines()))
