"""What `preannotate` was asked for, done: annotating, estimating or deleting, and telling what came of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import typer

from label_studio.client import LabelStudio
from label_studio.ml_backends import Backend
from label_studio.projects import Project, project_of
from protocol.bodies.preannotate import Like, Things, Wanted
from serve_app.cli.console import TaskProgress, task_progress
from serve_app.cli.examples import Example, example_of
from serve_app.cli.interruptions import noted
from serve_app.cli.own_application import application_at
from serve_app.cli.phrases_route import PhrasesRoute
from serve_app.cli.preannotate.annotating import Annotating
from serve_app.cli.preannotate.boxed_tasks import BoxedTasks, check_config, phrases_for
from serve_app.cli.preannotate.deleting import Deleted, Deleting
from serve_app.cli.preannotate.estimating import Estimate, Estimating
from serve_app.cli.preannotate.preannotate_route import PreannotateRoute
from serve_app.cli.preannotate.report import Report

Named: TypeAlias = tuple[int, str]
"""A task and a region of it."""


@dataclass(frozen=True)
class Job:
    """What was asked for; each method does one kind of it, tells what came of it, and gives the status.

    ``own``: variables of an application of the command's own, None where there is to be none.
    ``wanted``: what masks are made of, None for boxes. ``name``: of what is looked for, in the model version.
    ``like``, ``not_like``: the task and the region of each example.
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
    wanted: Wanted | None = None
    name: str = ""
    like: tuple[Named, ...] = ()
    not_like: tuple[Named, ...] = ()

    def annotate(self) -> int:
        """Masks for boxes, or for what is wanted in place of them."""
        report, stopped = Report(wanted=self.wanted), threading.Event()
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
        found, stopped = Estimate(self.wanted), threading.Event()
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
                    deleted.version = route.version()
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
        return PreannotateRoute(self.backend, self.at_once, stopped, self.wanted, self.name)

    def _boxed(self, route: PreannotateRoute) -> tuple[BoxedTasks, Project]:
        version = route.version()
        project = project_of(self.studio, self.number)
        phrases = phrases_for(project, self.order, self.wanted if not self.like else None)
        check_config(project, self.order)
        self._check(phrases)
        if isinstance(self.wanted, Things) and self.like:
            like, not_like = (
                tuple(_like(example_of(self.studio, project, *each)) for each in names)
                for names in (self.like, self.not_like)
            )
            route.look_for(msgspec.structs.replace(self.wanted, like=like, not_like=not_like), project)
        tasks = BoxedTasks(
            *(self.studio, project, version),
            only_unlabelled=self.only_unlabelled,
            wanted=self.wanted,
        )
        return tasks, project

    def _check(self, phrases: Sequence[Sequence[str]]) -> None:
        """Raises CommandError where the detector cannot read some of these, as it could not for any task."""
        with PhrasesRoute(self.backend) as route:
            for each in phrases:
                route.read(each)

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


def _like(example: Example) -> Like:
    return Like(example.image.value, example.box, example.task, example.label)
