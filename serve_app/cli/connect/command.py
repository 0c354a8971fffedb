"""``python -m serve_app connect``: a Label Studio project that uses this backend, in one command."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.ml_backends import (
    Backend,
    add_webhook,
    change_connection,
    connect_backend,
    connection_of,
    is_reached,
    trouble_of,
)
from label_studio.projects import project_of
from net.sync_client import NoAnswer
from protocol.config_template import Result
from serve_app.cli.backend_client import Route
from serve_app.cli.common_options import (
    BACKEND,
    LABEL_STUDIO,
    BasicAuthPass,
    BasicAuthUser,
    CommandError,
    LabelStudioUrl,
    Token,
    backend_at,
    label_studio_at,
)
from serve_app.cli.connect import images, project
from serve_app.cli.connect.other_backends import offer_to_remove, others_of
from serve_app.cli.connect.templates import LIST, template_called, template_lines
from serve_app.cli.connect.webhook import webhook_warning
from values.errors import ServiceError

HOW_TO = (
    "Switch Auto-Annotation on, at the bottom of the editor.",
    "Pick the smart tool first (the last one of the toolbar), then a label above the picture.",
    "Switch on Settings (the cog) > Keep label selected after creating a region; without it Label Studio "
    "drops the label, and every second click does nothing.",
    "Click on the object; Alt-click on an area that does not belong to it.",
    "Accept with the tick in the bottom bar, then Submit; without the tick only the dot is stored.",
)
"""What annotators have to know, a line each."""

TITLE = "Segment Anything on Ray Serve"


def connect(
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            help="This backend's address as Label Studio reaches it.",
            show_default="this machine, at PORT or 9090",
        ),
    ] = BACKEND,
    project_name: Annotated[
        str, typer.Option("--project", help="Id or title of the project; a new title makes a project.")
    ] = project.DEFAULT_TITLE,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", help="A label; repeat the option for more.", show_default="Object, in a new project"
        ),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            "--template",
            help="Labeling config of a common job: `list` tells which there are.",
            show_default="clicks and boxes, brush",
        ),
    ] = "",
    output: Annotated[
        Result | None,
        typer.Option("--output", help="What a click gives.", show_default="brush, or what the project has"),
    ] = None,
    explain: Annotated[
        bool | None,
        typer.Option(
            "--explain/--no-explain",
            help="A line in the editor that says why a click got no mask; for trials, as it is stored.",
            show_default="as it is; none in a new project",
        ),
    ] = None,
    image_folder: Annotated[
        Path | None, typer.Option("--images", help="Folder of images to import; each is imported once.")
    ] = None,
    remove_others: Annotated[
        bool | None,
        typer.Option(
            "--remove-others/--keep-others",
            help="Remove other backends from the project.",
            show_default="asks, on a terminal",
        ),
    ] = None,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
) -> None:
    """Make or take a Label Studio project and connect it to this backend.

    Sets up labels, imports images, adds the backend with interactive pre-annotations on and checks that Label
    Studio reaches it, and by a trial click that the backend reads an image and finds a mask. Running it again
    changes nothing that is already as asked. Ends with status 1 where any of this fails.
    """
    if template == LIST:
        typer.echo("\n".join(template_lines()))
        return
    try:
        chosen = template_called(template)
        paths = images.find(image_folder) if image_folder else []
        target = backend_at(backend, basic_auth_user, basic_auth_pass)
        with label_studio_at(label_studio_url, token) as studio:
            here = answers_here(target)
            name = project_name.strip() or project.DEFAULT_TITLE
            number = _connect(
                studio, target, project.Wanted(name, label or [], output, chosen, explain), paths
            )
            others = others_of(studio, number, target.url)
            for sentence in offer_to_remove(studio, number, others, remove=remove_others):
                _warn(sentence)
            if here:
                _prove(studio, token.strip(), target, number)
            else:
                _warn(
                    f"{target.url} cannot be reached from here, only by Label Studio, so no trial click "
                    "was made; run this command where the backend can be reached too"
                )
        _tell(studio.url, number)
    except ServiceError as error:
        typer.echo(f"connect: {error}", err=True)
        raise typer.Exit(1) from None


def answers_here(backend: Backend) -> bool:
    """Whether the backend answers this command too; its address may be one for Label Studio alone.

    Raises CommandError where something else answers: nothing of Label Studio has been changed yet.
    """
    with Route(backend, "/health", 1, threading.Event()) as route:
        try:
            route.check()
        except CommandError as error:
            if isinstance(error.__cause__, NoAnswer):
                return False
            raise
    return True


def _connect(studio: LabelStudio, target: Backend, wanted: project.Wanted, paths: list[Path]) -> int:
    """Set everything up; the project's id."""
    _say("Label Studio", f"{studio.url} (version {studio.version()})")

    taken = project.take(studio, wanted)
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

    done = add_backend(studio, taken.id, target)
    _say("backend", f"{target.url}: {done}; Label Studio reaches it")
    if untold := webhook_warning(studio, taken.id, target):
        _warn(untold)
    if taken.warning:
        _warn(taken.warning)
    return taken.id


def _prove(studio: LabelStudio, token: str, target: Backend, number: int) -> None:
    """Show that a click gets a mask. Raises CommandError with the backend's sentence."""
    from serve_app.cli.connect.trial import label_studio_of, setup_warnings, try_click  # slow to import

    found = project_of(studio, number)
    for sentence in setup_warnings(target, found):
        _warn(f"the labeling config: {sentence}")
    trial = try_click(studio, token, target, found)
    if trial is None:
        reached = label_studio_of(target)
        said = f"; the backend says: {reached}" if reached else ""
        _say("trial click", f"none: the project has no image yet, or nothing to click with{said}")
    else:
        _say("trial click", str(trial))


def _tell(studio: str, number: int) -> None:
    typer.echo(f"\nAnnotate at {studio}/projects/{number}/data")
    for count, line in enumerate(HOW_TO, 1):
        typer.echo(f"{count}. {line}")


def _warn(sentence: str) -> None:
    typer.echo(f"warning: {sentence}", err=True)


def _say(what: str, how: str) -> None:
    typer.echo(f"{what:<13} {how}")


def add_backend(studio: LabelStudio, project: int, backend: Backend) -> str:
    """Connect ``backend`` to ``project``: "added", "updated" or "unchanged". Raises ``ServiceError``.

    Returns only when Label Studio itself has reported that it reaches the backend.
    """
    row = connection_of(studio, project, backend.url)
    try:
        if row is None:
            row = connect_backend(studio, project, backend, TITLE)
            done = "added"
        elif not backend.is_as(row):
            row = change_connection(studio, row, project, backend)
            done = "updated"
        else:
            done = "unchanged"
        # Label Studio makes it by itself, unless its settings forbid the address.
        if add_webhook(studio, project, f"{backend.url}/webhook") and done == "unchanged":
            done = "updated"
    except Refused as error:
        saved = connection_of(studio, project, backend.url) is not None
        raise _explained(error, backend.url, saved=saved) from error
    if not is_reached(row):
        raise _unreachable(backend.url, trouble_of(row))
    return done


def _explained(error: Refused, url: str, *, saved: bool) -> ServiceError:
    if error.private_address:
        # The row is saved before the webhook is refused, so the 403 alone does not say which it was.
        state = (
            "accepted the backend but refuses its webhook, because"
            if saved
            else "refuses the backend, because"
        )
        return CommandError(
            f"Label Studio {state} {url} is a loopback or private address: start Label Studio with both "
            "ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false in its environment, "
            "then run this again"
        )
    if error.answered == 400 or "resolve hostname" in error.reason:
        return _unreachable(url, error.reason)
    return error


def _unreachable(url: str, reason: str) -> CommandError:
    cause = reason.rpartition("Additional info: ")[2]  # what comes before it is advice, ours is nearer
    said = f" Label Studio says: {cause}" if cause else ""
    return CommandError(
        f"Label Studio cannot use the backend at {url}: is it running, and is that its address as seen from "
        "where Label Studio runs (a container does not see the host's 127.0.0.1)? Set --backend, and "
        f"--basic-auth-user and --basic-auth-pass if it asks for them.{said}"
    )
