"""Finding in whole tasks, on which nobody is at work: what is looked for in each of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from protocol.bodies.preannotate import Things
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.boxes import LeftOut
from protocol.controls import Output
from protocol.drawings import Draw
from protocol.drawn_regions import Boxes, regions_among
from protocol.everything import WholePicture, read_whole
from protocol.finding import Find, Vectors
from protocol.label_config import Image, LabelConfig, parse
from protocol.options import ReadOptions
from protocol.phrase_labels import labels_of, output_with, phrases_of_labels
from protocol.repeater import expanded
from protocol.variables import TaskData


@dataclass(frozen=True, slots=True, eq=False)
class FindTask:
    """What is to be found in each picture of a task, and what is left out."""

    finds: tuple[Find, ...]
    left_out: tuple[LeftOut, ...]


def read_finds(
    about: PredictBody,
    task: Task,
    results: Sequence[msgspec.Raw],
    things: Things,
    draw: Draw,
    options: ReadOptions,
    vectors: Vectors | None = None,
) -> FindTask:
    """What is to be found in the pictures of a task of the project that the request is ``about``.

    ``results``: the regions of the task, which are not found once more. ``draw`` reads drawn masks.
    ``vectors``: of the examples. May take seconds.

    Raises:
        BadPrompt: labels that cannot be looked for, and too many pictures.
        BadRequest, BadLabelConfig: the task's data or the labeling config cannot be used.
    """
    whole = read_whole(about, task, None, options.output_order)
    config = expanded(parse(about.label_config or ""), TaskData(task))
    finds, asked = list[Find](), dict[str, _Asked]()
    for picture in whole.pictures:
        image = config.image(picture.output.to_name)
        if image is None:
            continue  # an output is on an image of the config
        if image.name not in asked:
            asked[image.name] = _asked(things, config, image, picture, options)
        drawn = regions_among(results, image.name, picture.item_index, (), draw, options)
        finds.append(asked[image.name].find(picture, drawn.boxes, vectors))
    return FindTask(tuple(finds), whole.left_out)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is looked for on all pictures of one ``<Image>``."""

    phrases: tuple[str, ...]
    classes: tuple[int, ...]
    outputs: tuple[Output, ...]
    threshold: float | None

    def find(self, picture: WholePicture, regions: Boxes, vectors: Vectors | None) -> Find:
        """The same on one of them. ``regions``: what is annotated there."""
        return Find(
            image=picture.image,
            phrases=self.phrases,
            classes=self.classes,
            examples=np.zeros((0, 4)),
            negatives=np.zeros((0, 4)),
            regions=regions,
            outputs=self.outputs,
            threshold=self.threshold,
            item_index=picture.item_index,
            vectors=vectors,
        )


def _asked(
    things: Things, config: LabelConfig, image: Image, picture: WholePicture, options: ReadOptions
) -> _Asked:
    """What of an image's labels, or of the phrases, is looked for. Raises BadPrompt."""
    phrases: tuple[str, ...]
    labels: tuple[str | None, ...]
    if things.like:
        phrases, labels = (), tuple(each.label for each in things.like)
    elif things.phrases is None:
        phrases, labels = phrases_of_labels(config, image, options.output_order)
    else:
        phrases = things.phrases
        labels = labels_of(phrases, config, image, None, options)
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    outputs = tuple(
        picture.output
        if label is None
        else output_with(config, image, label, options.output_order) or replace(picture.output, labels=())
        for label in places
    )
    return _Asked(
        phrases,
        tuple(places[label] for label in labels),
        outputs,
        _threshold(config, outputs) if things.threshold is None else things.threshold,
    )


def _threshold(config: LabelConfig, outputs: Sequence[Output]) -> float | None:
    """That of the first control that masks go to and that has one."""
    controls = (config.control(output.from_name) for output in outputs)
    return next((each.threshold for each in controls if each and each.threshold is not None), None)
