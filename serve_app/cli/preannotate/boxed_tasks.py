"""The tasks of a project, with their regions where these are asked for, read from Label Studio one by one."""

from __future__ import annotations

import msgspec

from label_studio.client import LabelStudio
from label_studio.predictions import predictions_of
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing, annotations_of
from protocol.bodies.preannotate import Everything, Things, Wanted
from protocol.boxes import results_of_annotations, results_of_predictions, takes_masks
from protocol.label_config import parse
from protocol.phrase_labels import phrases_of_labels
from serve_app.cli.common_options import CommandError


class BoxedTasks:
    """Lists a project's tasks, and reads the boxes of each when it is asked. From any thread.

    ``version``: of the model whose predictions are masks that were made before. ``wanted``: what masks are
    made of in place of boxes, so that every task has some to be made.
    """

    def __init__(
        self,
        studio: LabelStudio,
        project: Project,
        version: str,
        *,
        only_unlabelled: bool = False,
        wanted: Wanted | None = None,
    ) -> None:
        self._studio = studio
        self._version = version
        self._wanted = wanted
        self.listing = TaskListing(studio, project.id, only_unlabelled=only_unlabelled, stored=True)

    def stored_before(self, task: ListedTask) -> bool:
        """Whether the task has a prediction of the model, as far as the list tells."""
        return task.stored is not None and self._version in (task.stored.versions or ())

    def results(self, task: ListedTask) -> tuple[msgspec.Raw, ...] | None:
        """The results that are its boxes, see ``protocol.boxes.box_results``; None where there are none.

        None are needed where it is about everything; where it is about things, they are what is annotated
        already. Raises what ``LabelStudio`` raises.
        """
        if isinstance(self._wanted, Everything):
            return ()
        stored = task.stored
        found: tuple[msgspec.Raw, ...] = ()
        if stored is None or stored.annotations:
            found = results_of_annotations(bytes(annotations_of(self._studio, task.id)))
        if self._wanted is not None:
            return found
        if not found and (stored is None or stored.predictions):
            found = results_of_predictions(bytes(predictions_of(self._studio, task.id)), self._version)
        return found or None


def phrases_for(project: Project, order: tuple[str, ...], wanted: Wanted | None) -> list[tuple[str, ...]]:
    """The phrases of what is ``wanted``, or those of the labels of each image of the config.

    None where nothing is wanted by words, or where tags are repeated for what a task has. Raises
    BadLabelConfig, and BadPrompt where the labels name nothing that can be looked for.
    """
    if not isinstance(wanted, Things):
        return []
    if wanted.phrases is not None:
        return [wanted.phrases]
    config = parse(project.label_config)
    if config.tags:
        return []
    return list(dict.fromkeys(phrases_of_labels(config, image, order)[0] for image in config.images))


def check_config(project: Project, order: tuple[str, ...]) -> None:
    """Raises CommandError where the labeling config has no place for a mask, and BadLabelConfig."""
    config = parse(project.label_config)
    if not takes_masks(config, order):
        raise CommandError(
            f"the labeling config of project {project.id} has no control for masks; add <BrushLabels>, "
            "<BitmaskLabels>, <PolygonLabels> or <RectangleLabels> to it"
        )
