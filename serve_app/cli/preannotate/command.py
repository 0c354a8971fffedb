"""`python -m serve_app preannotate`: masks for a whole project, stored as predictions."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from label_studio.projects import Project, project_of
from protocol.bodies.preannotate import Everything
from protocol.options import ReadOptions
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
from serve_app.cli.interruptions import noted
from serve_app.cli.own_application import application_at, variables_for
from serve_app.cli.preannotate.annotating import Annotating
from serve_app.cli.preannotate.boxed_tasks import BoxedTasks, check_config
from serve_app.cli.preannotate.deleting import Deleted, Deleting
from serve_app.cli.preannotate.estimating import Estimate, Estimating
from serve_app.cli.preannotate.preannotate_route import PreannotateRoute
from serve_app.cli.preannotate.report import Report
from serve_app.settings import Settings, SettingsError
from values.options import GRID_LIMIT


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
    delete: Annotated[
        bool,
        typer.Option("--delete", help="Delete the predictions of the model that serves, or --model-version."),
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
    """Turn the boxes of tasks, or everything in their pictures, into masks, stored as predictions.

    Sends each task to the running backend, where clicks come first; starts one for itself where none runs.
    Running it again continues where it stopped. Ends with status 1 if anything failed, 130 after Ctrl-C or
    SIGTERM.
    """
    try:
        _check_mode(
            boxes=boxes,
            everything=everything,
            delete=delete,
            overwrite=overwrite,
            model_version=model_version,
            points_per_side=points_per_side,
        )
        target = backend_at(backend, basic_auth_user, basic_auth_pass)
        studio = label_studio_at(label_studio_url, token)
        order = Settings().part(ReadOptions).output_order
    except (CommandError, SettingsError) as error:
        raise typer.BadParameter(str(error)) from None
    own = variables_for(backend, label_studio_url, token, basic_auth_user, basic_auth_pass)
    asked = Everything(points_per_side) if everything else None
    job = Job(studio, project, target, own, order, at_once, limit, only_unlabelled, overwrite, as_json, asked)
    if delete:
        raise typer.Exit(job.delete(model_version.strip(), dry_run=dry_run))
    raise typer.Exit(job.estimate() if dry_run else job.annotate())


def _check_mode(
    *,
    boxes: bool,
    everything: bool,
    delete: bool,
    overwrite: bool,
    model_version: str,
    points_per_side: int | None,
) -> None:
    """Raises CommandError for options that do not go together."""
    if boxes + everything + delete != 1:
        raise CommandError(
            "give one of --boxes, to make masks of boxes, --everything, to make masks of all that is in the "
            "pictures, and --delete"
        )
    if delete and overwrite:
        raise CommandError("--overwrite works only with --boxes and --everything")
    if points_per_side is not None and not everything:
        raise CommandError("--points-per-side works only with --everything")
    if model_version and not delete:
        raise CommandError("--model-version works only with --delete")


@dataclass(frozen=True)
class Job:
    """What was asked for; each method does one kind of it, tells what came of it, and gives the status.

    ``own``: variables of an application of the command's own, None where there is to be none.
    """

    studio: LabelStudio
    number: int
    backend: Backend
    own: Mapping[str, str] | None
    order: tuple[str, ...]
    at_once: int
    limit: int | None
    only_unlabelled: bool
    overwrite: bool
    as_json: bool
    everything: Everything | None = None

    def annotate(self) -> int:
        """Masks for boxes, or for everything."""
        report, stopped = Report(everything=self.everything is not None), threading.Event()
        with noted(report), self._application(), self._route(stopped) as route, self.studio as studio:
            tasks, project = self._boxed(route)
            Annotating(
                *(studio, project, tasks, route, report, self._progress()),
                limit=self.limit,
                overwrite=self.overwrite,
            ).run(self.at_once, stopped)
        report.end()
        if not self.as_json:
            for each in report.failures:
                typer.secho(str(each), fg="red", err=True)
            if report.untold:
                typer.secho(f"and {report.untold} more failures, which are not listed", fg="red", err=True)
        return self._tell(report, report.summary(), report.lines())

    def estimate(self) -> int:
        """What that would do."""
        found, stopped = Estimate(everything=self.everything is not None), threading.Event()
        with noted(found), self._application(), self._route(stopped) as route, self.studio:
            tasks, project = self._boxed(route)
            Estimating(
                *(project, tasks, route, found, self._progress()), limit=self.limit, overwrite=self.overwrite
            ).run(self.at_once, stopped)
        return self._tell(found, found.summary(), found.lines())

    def delete(self, version: str, *, dry_run: bool) -> int:
        """The predictions of one model version; of the one that serves where ``version`` is ""."""
        deleted, stopped = Deleted(version, dry_run), threading.Event()
        with noted(deleted), self.studio as studio:
            if not version:
                with self._route(stopped) as route:
                    deleted.version = self._version(route)
            project = project_of(studio, self.number)
            Deleting(
                *(studio, project, deleted, self._progress()),
                limit=self.limit,
                only_unlabelled=self.only_unlabelled,
            ).run(self.at_once, stopped)
        return self._tell(deleted, deleted.summary(), [deleted.line()])

    def _application(self) -> AbstractContextManager[None]:
        return application_at(self.backend, self.own)

    def _route(self, stopped: threading.Event) -> PreannotateRoute:
        return PreannotateRoute(self.backend, self.at_once, stopped, self.everything)

    def _boxed(self, route: PreannotateRoute) -> tuple[BoxedTasks, Project]:
        version = self._version(route)
        project = project_of(self.studio, self.number)
        check_config(project, self.order)
        tasks = BoxedTasks(
            *(self.studio, project, version),
            only_unlabelled=self.only_unlabelled,
            everything=self.everything is not None,
        )
        return tasks, project

    def _version(self, route: PreannotateRoute) -> str:
        version = route.check()
        if not version:
            raise CommandError(f"{route.url} does not say yet which model serves; try again in a moment")
        return version

    def _progress(self) -> TaskProgress:
        return task_progress(quiet=self.as_json)

    def _tell(
        self, report: Report | Estimate | Deleted, summary: Mapping[str, Any], lines: Sequence[str]
    ) -> int:
        if report.stopped:
            typer.secho(f"preannotate: {report.stopped}", fg="red", err=True)
        if self.as_json:
            typer.echo(json.dumps(summary))
        elif summary["tasks"] or not report.stopped:
            typer.echo("\n".join(lines))
        return report.status
