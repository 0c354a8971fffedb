"""A second look at a project's masks: each annotated region beside what the running model makes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from exports.annotations import Annotation, chosen, read_annotations
from exports.regions import Region, Regions
from label_studio.api import Refused
from label_studio.client import LabelStudio
from label_studio.pages import task_page
from label_studio.predictions import Prediction, store_once
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing, annotations_of
from serve_app.cli.backend_client import TaskFailed, plain_line
from serve_app.cli.common_options import CommandError
from serve_app.cli.console import TaskProgress
from serve_app.cli.crew import Crew
from serve_app.cli.preannotate.preannotate_route import Masks, PreannotateRoute
from serve_app.cli.review.agreement import agreement, question
from serve_app.cli.review.looked_at import Compared, LookedAt

AT_ONCE = 100
"""Regions that the backend is asked for in one request."""

_RESULTS = msgspec.json.Decoder(list[msgspec.Raw])


def version_of_scores(model: str) -> str:
    """The model version of predictions that are scores of a second look with the model of that version."""
    return f"{model}-second-look"


class SecondLook:
    """Compares the regions of the annotation that counts of each task. Of each task in work one is in memory.

    ``store``: the least agreement of a task becomes the score of a prediction without regions.
    """

    def __init__(
        self,
        studio: LabelStudio,
        project: Project,
        route: PreannotateRoute,
        found: LookedAt,
        progress: TaskProgress,
        *,
        limit: int | None = None,
        store: bool = False,
    ) -> None:
        self._studio = studio
        self._project = project
        self._route = route
        self._found = found
        self._progress = progress
        self._limit = limit
        self._store = store
        self._listing = TaskListing(studio, project.id, only_annotated=True)

    def run(self, at_once: int, stopped: threading.Event) -> None:
        """Look at all, ``at_once`` tasks at a time. Raises ``ServiceError``, KeyboardInterrupt."""
        crew = Crew(self._do, self._found.failed, self._tell, "comparing masks", self._progress)
        crew.run(self._listed(), at_once, stopped)

    def _listed(self) -> Iterator[ListedTask]:
        for count, task in enumerate(self._listing):
            if self._limit is not None and count >= self._limit:
                return
            yield task

    def _do(self, task: ListedTask) -> None:
        try:
            self._look(task)
        except Refused as error:
            # A task that was deleted meanwhile, or one that Label Studio has trouble with.
            raise TaskFailed("refused", plain_line(error.detail)) from None

    def _look(self, task: ListedTask) -> None:
        annotation = chosen(self._annotations(task))
        if annotation is None:
            self._found.looked()
            return
        regions = Regions(task.id, annotation.result or ())
        compared: list[Compared] = []
        version = ""
        each_region = iter(regions)
        while some := tuple(islice(each_region, AT_ONCE)):
            masks = self._route.masks(self._project, task, [each for one in some for each in question(one)])
            compared += self._compared(task, annotation, some, masks)
            version = masks.model_version
        for left_out in regions.left_out:
            self._found.left_out(task.id, left_out.region, left_out.sentence)
        stored = bool(self._store and compared) and store_once(
            self._studio,
            self._project.id,
            Prediction(task.id, version_of_scores(version), min(each.iou for each in compared), b"[]"),
            replace=True,
        )
        self._found.looked(compared, version, stored=stored)

    def _compared(
        self, task: ListedTask, annotation: Annotation, regions: Sequence[Region], masks: Masks
    ) -> Iterator[Compared]:
        """Each region that the model answered about; the others are told of. Raises CommandError."""
        answers = self._answers(masks)
        unanswered = {each.region: each for each in masks.left_out}
        whole = unanswered.get("")
        link = task_page(self._studio.url, self._project.id, task.id)
        for region in regions:
            failure = unanswered.get(region.id, whole)
            # An empty mask is an answer: the model sees nothing where somebody drew a region.
            if region.id not in answers and failure is not None and failure.code != "no_mask":
                self._found.left_out(task.id, region.id, failure.sentence)
                continue
            answer, score = answers.get(region.id, ((), 0.0))
            yield Compared(
                task.id,
                annotation.id,
                region.id,
                ", ".join(region.labels),
                region.shape.kind,
                round(agreement(region, answer), 4),
                round(score, 4),
                link,
            )

    def _answers(self, masks: Masks) -> dict[str, tuple[Sequence[msgspec.Raw], float]]:
        """The results and the model's own score of each region. Raises CommandError, TaskFailed."""
        if masks.made is None:
            raise CommandError(
                f"{self._route.url} does not say which mask is of which box: it is too old; update it"
            )
        try:
            results = _RESULTS.decode(masks.result)
        except msgspec.MsgspecError:
            raise self._route.bad_answer() from None
        found: dict[str, tuple[Sequence[msgspec.Raw], float]] = {}
        begin = 0
        for each in masks.made:
            found[each.region] = (results[begin : begin + each.results], each.score)
            begin += each.results
        return found

    def _annotations(self, task: ListedTask) -> list[Annotation]:
        try:
            return read_annotations(annotations_of(self._studio, task.id))
        except msgspec.MsgspecError:
            raise self._studio.at.unlike("show annotations") from None

    def _tell(self) -> None:
        total = self._listing.total
        most = total if self._limit is None or total is None else min(total, self._limit)
        self._progress.task_done(self._found.tasks, most, len(self._found.failures))
