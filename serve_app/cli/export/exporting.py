"""An export under way: task by task from Label Studio into a data set."""

from __future__ import annotations

import msgspec

from exports.annotations import Annotation, AnnotationReader, Read, chosen, read_annotations
from exports.dataset import DataSet
from exports.pictures import LeftOut
from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.tasks import ListedTask, TaskListing, annotations_of
from protocol.bodies.task import Task
from serve_app.cli.console import TaskProgress

MOST_SAID = 20
"""Things left out that are shown while it goes on; all are in the data set's own file."""


class Exporter:
    """Takes the annotated tasks of a project one by one: of none more than one annotation is in memory."""

    def __init__(
        self,
        studio: LabelStudio,
        project: int,
        reader: AnnotationReader,
        data_set: DataSet,
        *,
        only_accepted: bool = False,
    ) -> None:
        self._studio = studio
        self._project = project
        self._reader = reader
        self._data_set = data_set
        self._only_accepted = only_accepted
        self._said = 0

    def run(self, progress: TaskProgress) -> None:
        """Export the tasks behind the last one that is in the data set.

        Raises ExportError, and what ``LabelStudio`` raises where that ends it all.
        """
        data_set, before = self._data_set, self._data_set.counts["tasks"]
        listing = TaskListing(self._studio, self._project, only_annotated=True, behind=data_set.last_task)
        with progress:
            for task in listing:
                read = self._read(task)
                for each in data_set.add(task.id, read):
                    self._say(progress, each)
                data_set.done(task.id)
                counts = data_set.counts
                progress.task_done(counts["tasks"], before + (listing.total or 0), counts["left_out"])

    def _read(self, task: ListedTask) -> Read:
        try:
            annotations = self._annotations(task.id)
        except Refused as error:
            if error.answered != 404:
                raise
            return Read([], [LeftOut(task.id, "", "the task was deleted while it was exported")])
        counts = self._data_set.counts
        annotation = chosen(annotations, only_accepted=self._only_accepted)
        if annotation is None:
            counts["no_annotation"] += 1
            return Read([], [])
        counts["several_annotations"] += sum(not each.was_cancelled for each in annotations) > 1
        return self._reader.read(Task(task.id, msgspec.Raw(task.data)), annotation)

    def _annotations(self, task: int) -> list[Annotation]:
        body = annotations_of(self._studio, task)
        try:
            return read_annotations(body)
        except msgspec.MsgspecError:
            raise self._studio.at.unlike("show annotations") from None

    def _say(self, progress: TaskProgress, each: LeftOut) -> None:
        self._said += 1
        if self._said <= MOST_SAID:
            progress.say(f"task {each.task}: {each.sentence}")
        elif self._said == MOST_SAID + 1:
            progress.say("more was left out; the rest is not shown here")
