"""The check for prompts that were saved without their mask, one annotation after the other."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.pages import task_page
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing, annotations_of
from protocol.bodies.annotation import StoredAnnotation, read_annotation, split_annotations
from protocol.bodies.task import Task
from protocol.label_config import LabelConfig, parse
from protocol.repeater import expanded
from protocol.unaccepted import unaccepted
from protocol.variables import TaskData
from serve_app.cli.console import TaskProgress
from serve_app.cli.review.findings import Finding, Review
from values.errors import BadLabelConfig, BadRequest

CHECK = "saved-without-mask"


class UnacceptedPrompts:
    """Goes through the annotations of a project, of which it has one at a time. Changes nothing.

    ``order``: of the controls that take masks, the preferred first.
    """

    def __init__(self, studio: LabelStudio, project: Project, order: tuple[str, ...]) -> None:
        self._studio = studio
        self._project = project
        self._config = parse(project.label_config)
        self._order = order

    def run(self, review: Review, progress: TaskProgress) -> None:
        """Add what is found to ``review``. Raises what ``LabelStudio`` raises, and BadLabelConfig."""
        listing = TaskListing(self._studio, self._project.id, only_annotated=True)
        with progress:
            for task in listing:
                config = self._config_of(task)
                for raw in self._annotations(task):
                    review.annotations += 1
                    try:
                        stored = read_annotation(raw, f"an annotation of task {task.id}")
                    except BadRequest as error:
                        review.unread += 1
                        progress.say(error.detail)
                        continue
                    for found in self._findings(task, config, stored):
                        review.add(found)
                review.tasks += 1
                progress.task_done(review.tasks, listing.total, 0)

    def _findings(self, task: ListedTask, config: LabelConfig, stored: StoredAnnotation) -> Iterator[Finding]:
        if stored.was_cancelled:
            return
        link = task_page(self._studio.url, self._project.id, task.id)
        for each in unaccepted(config, stored.result or (), self._order):
            yield Finding(CHECK, task.id, stored.id, str(each), not each.doubt, link)

    def _config_of(self, task: ListedTask) -> LabelConfig:
        try:
            return expanded(self._config, TaskData(Task(task.id, msgspec.Raw(task.data))))
        except (BadRequest, BadLabelConfig):  # its repeaters make nothing that an annotation could name
            return self._config

    def _annotations(self, task: ListedTask) -> list[msgspec.Raw]:
        try:
            return split_annotations(annotations_of(self._studio, task.id))
        except Refused as error:
            if error.answered != 404:
                raise
            return []  # the task was deleted meanwhile
        except BadRequest:
            raise self._studio.at.unlike("show annotations") from None
