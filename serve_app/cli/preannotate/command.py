"""`python -m serve_app preannotate`: masks for a whole project, stored as predictions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Annotated

import typer

from protocol.bodies.preannotate import EXAMPLE_LIMIT, Everything, Things
from protocol.options import ReadOptions
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
from serve_app.cli.examples import read_name
from serve_app.cli.own_application import variables_for
from serve_app.cli.preannotate.job import Job, Named
from serve_app.settings import Settings, SettingsError
from values.errors import BadPrompt
from values.options import GRID_LIMIT

NAME_LENGTH = 40
"""Characters of what is looked for in a model version."""


def preannotate(
    project: Annotated[int, typer.Option("--project", min=1, help="Id of the project.", show_default=False)],
    boxes: Annotated[
        bool, typer.Option("--boxes", help="Masks of the boxes that annotations or predictions have.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--everything", help="Masks of everything that a grid of clicks finds.")
    ] = False,
    points_per_side: Annotated[
        int | None,
        typer.Option(
            "--points-per-side",
            min=1,
            max=GRID_LIMIT,
            help="For --everything: clicks along each side of the grid, in place of EVERYTHING_POINTS.",
        ),
    ] = None,
    find: Annotated[
        str | None,
        typer.Option(
            "--find", help='Masks of all things that phrases name: "cat, kitten"; the backend needs FINDER.'
        ),
    ] = None,
    find_labels: Annotated[
        bool, typer.Option("--find-labels", help="The same, by the labels of the labeling config.")
    ] = False,
    like: Annotated[
        list[str] | None,
        typer.Option(
            "--like",
            help="The same, by how much they look like a region of a task: TASK:REGION; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    not_like: Annotated[
        list[str] | None,
        typer.Option("--not-like", help="For --like: a region of what is not meant.", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=0,
            max=1,
            help="For --find, --find-labels and --like: the least score, in place of FINDER_THRESHOLD.",
        ),
    ] = None,
    delete: Annotated[
        bool,
        typer.Option(
            "--delete",
            help="Delete the predictions of the model that serves, of --model-version, or of a --find.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count, estimate the time, and store and delete nothing.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="At most this many tasks get masks, or lose them.")
    ] = None,
    only_unlabelled: Annotated[
        bool, typer.Option("--only-unlabelled", help="Leave out tasks that are labelled.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace predictions that this model made before.")
    ] = False,
    model_version: Annotated[
        str, typer.Option("--model-version", help="For --delete: whose predictions are deleted.")
    ] = "",
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, max=256, help="Tasks in work at the same time.")
    ] = 4,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    backend: BackendUrl = BACKEND,
    basic_auth_user: BasicAuthUser = "",
    basic_auth_pass: BasicAuthPass = "",
    as_json: AsJson = False,
) -> None:
    """Turn the boxes of tasks, or things in their pictures, into masks, stored as predictions.

    Sends each task to the running backend, where clicks come first; starts one for itself where none runs.
    Running it again continues where it stopped. Ends with status 1 if anything failed, 130 after Ctrl-C or
    SIGTERM.
    """
    try:
        finds = (find is not None) + find_labels + bool(like)
        _check_mode(
            boxes=boxes,
            everything=everything,
            finds=finds,
            delete=delete,
            overwrite=overwrite,
            model_version=model_version,
            points_per_side=points_per_side,
            threshold=threshold,
        )
        if not_like and not like:
            raise CommandError("--not-like works only with --like")
        meant, not_meant = _examples(like, "--like"), _examples(not_like, "--not-like")
        phrases = None if find is None else read_phrases(find)
        target = backend_at(backend, basic_auth_user, basic_auth_pass)
        studio = label_studio_at(label_studio_url, token)
        order = Settings().part(ReadOptions).output_order
    except (BadPrompt, CommandError, SettingsError) as error:
        raise typer.BadParameter(str(error)) from None
    own = variables_for(backend, label_studio_url, token, basic_auth_user, basic_auth_pass)
    wanted = Things(phrases, threshold) if finds else Everything(points_per_side) if everything else None
    job = Job(
        *(studio, project, target, own, order, at_once, limit, only_unlabelled, overwrite, as_json, wanted),
        _name(phrases or (), meant, not_meant),
        *(meant, not_meant),
    )
    if delete:
        raise typer.Exit(job.delete(model_version.strip(), dry_run=dry_run))
    raise typer.Exit(job.estimate() if dry_run else job.annotate())


def _check_mode(
    *,
    boxes: bool,
    everything: bool,
    finds: int,
    delete: bool,
    overwrite: bool,
    model_version: str,
    points_per_side: int | None,
    threshold: float | None,
) -> None:
    """Raises CommandError for options that do not go together."""
    kinds = boxes + everything + finds
    if kinds > 1 or kinds + delete == 0 or (delete and (boxes or everything)):
        raise CommandError(
            "give one of --boxes, to make masks of boxes, --everything, to make masks of all that is in the "
            "pictures, --find, --find-labels and --like, to make masks of what phrases, labels or examples "
            "mean, and --delete"
        )
    if delete and overwrite:
        raise CommandError("--overwrite works only where masks are made, and not with --delete")
    if threshold is not None and (delete or not finds):
        raise CommandError("--threshold works only with --find, --find-labels and --like")
    if points_per_side is not None and not everything:
        raise CommandError("--points-per-side works only with --everything")
    if model_version and (finds or not delete):
        raise CommandError("--model-version works only with --delete alone")


def name_of(phrases: Sequence[str]) -> str:
    """What is looked for, in the model version of what is found: "cat-traffic_light"; "" for no phrases.

    Label Studio lists versions between commas, and cuts long lists off.
    """
    name = "-".join(re.sub(r"\W+", "_", phrase).strip("_") for phrase in phrases)
    if len(name) <= NAME_LENGTH:
        return name
    return f"{name[: NAME_LENGTH - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _name(phrases: Sequence[str], meant: Sequence[Named], not_meant: Sequence[Named]) -> str:
    """The name of a search by phrases or by examples: "like_17_Xk3fQz-not_17_b"."""
    regions = [("like", *each) for each in meant] + [("not", *each) for each in not_meant]
    return name_of(
        [*map(str.casefold, phrases), *(f"{kind} {task} {region}" for kind, task, region in regions)]
    )


def _examples(named: Sequence[str] | None, option: str) -> tuple[Named, ...]:
    """The tasks and regions that an option names. Raises CommandError."""
    if len(named or ()) > EXAMPLE_LIMIT:
        raise CommandError(f"{option} names over {EXAMPLE_LIMIT} regions; choose the clearest ones")
    return tuple(read_name(each, option) for each in named or ())
