"""Finding: a request for all things on an image that a phrase names, or that look like an example.

Annotators write phrases in a ``<TextArea>`` called ``protocol.label_config.FIND``, and draw examples with a
control that has ``model_find="true"``; a click with such a control asks for the things of its label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from protocol.bodies.predict import Item, PredictBody
from protocol.click import Click, Nothing, image_source, image_value, no_control, prompted_image
from protocol.context_items import Mark, read_marks
from protocol.controls import Control, Output
from protocol.drawings import Draw
from protocol.drawn_regions import Boxes, drawn_regions
from protocol.item_fields import TEXT, Fields
from protocol.label_config import Image, LabelConfig, parse
from protocol.options import ReadOptions
from protocol.phrase_labels import labels_of, names_of
from protocol.phrases import TEXT_CHARACTERS, no_list, read_phrases
from protocol.prompts import PROMPT_LIMIT
from protocol.repeater import expanded
from protocol.shapes import Area, Point
from protocol.variables import TaskData
from values.errors import BadPrompt, BadRequest
from values.image import ImageSource
from values.one_line import shown
from values.prompt import Prompt

NO_FINDER = (
    "nothing finds things by phrases or examples here; set FINDER to owlv2_base and restart the backend, or"
    " take model_find and the <TextArea> away from the labeling config"
)

_ESCAPED = 12  # bytes of JSON that a character takes at most: two escapes of six
_LISTED = 3  # and what is between two texts of a list

SILENT = Nothing("")
"""Nothing is asked for yet, and nothing is to be said: the editor asks before anything is written."""

_TEXTS: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("Texts", [("text", list[str] | str | None, None)]) | None
)


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """Examples on other images, as the detector ``finder`` knows things: (V, D) float32 of what is ``meant``,
    and (N, D) of what is ``not_meant``."""

    finder: str
    meant: NDArray[np.float32]
    not_meant: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Find:
    """What is to be found on an image; it pickles.

    ``phrases``: what things are called; or ``vectors``: examples on other images. ``classes``: of phrases,
    or of the vectors that are meant. ``examples``, ``negatives``: (E, 4) boxes around things that are meant,
    of class 0, and that are not; ``regions``: (R, 4) around what is annotated already; all x0, y0, x1, y1 as
    fractions. ``outputs``: where the masks of each class go. ``threshold``: of scores, 0..1, None for the
    setting's. ``size``: the browser's natural size, None where the request does not tell. ``image_rotation``
    and ``item_index`` are repeated in the result.
    """

    image: ImageSource
    phrases: tuple[str, ...]
    classes: tuple[int, ...]
    examples: Boxes
    negatives: Boxes
    regions: Boxes
    outputs: tuple[Output, ...]
    threshold: float | None = None
    size: tuple[int, int] | None = None
    image_rotation: int = 0
    item_index: int | None = None
    vectors: Vectors | None = None

    def click(self, boxes: NDArray[Any], classes: NDArray[np.intp], size: tuple[int, int]) -> Click | None:
        """The click that asks for a mask in each of ``boxes``, which are (M, 4); None where there are none.

        ``classes``: (M,). ``size``: of the image, (width, height) in pixels.
        """
        if not len(boxes):
            return None
        width, height = self.size or size
        return Click(
            image=self.image,
            prompts=tuple(Prompt(box=np.asarray(box, np.float64)) for box in boxes),
            width=width,
            height=height,
            image_rotation=self.image_rotation,
            item_index=self.item_index,
            outputs=tuple(self.outputs[number] for number in classes),
        )

    @property
    def nothing(self) -> str:
        """A sentence for where nothing is found."""
        what = ", ".join(f'"{shown(phrase)}"' for phrase in self.phrases[:3]) or "the example"
        more = " and more" if len(self.phrases) > 3 else ""
        return (
            f"nothing on the image looks enough like {what}{more}, or all of it is annotated already; use"
            " other words, draw an example, or lower model_score_threshold of the control or FINDER_THRESHOLD"
        )


def mentions_find(body: PredictBody) -> bool:
    """Whether ``asks_to_find`` is worth asking: few requests are, and none of the others costs anything."""
    if not body.items or not body.tasks or not body.label_config:
        return False
    written = any(item.type.lower() == "textarea" for item in body.items)
    return written or "model_find" in body.label_config.lower()


def found_version(finder: str, model: str) -> str:
    """The model version of what a detector finds and a segmenter makes masks of, by the versions of both."""
    return f"{finder}+{model}"


def asks_to_find(body: PredictBody) -> bool:
    """Whether the request may be one to find things: ``read_find`` tells.

    Raises:
        BadLabelConfig: the labeling config is unreadable.
    """
    if not mentions_find(body):
        return False
    config = parse(body.label_config or "")
    names = {text.name for text in config.texts} | {each.name for each in config.controls if each.finds}
    return config.finds and (bool(config.tags) or any(_named(item) in names for item in body.items))


def read_find(
    body: PredictBody, raw: bytes, draw: Draw, options: ReadOptions | None = None
) -> Find | Nothing | None:
    """What a request asks to find, on an image of its first task; None where it is no such request.

    ``body``: of which ``asks_to_find`` is true. ``raw``: what it was read from, whose drafts tell what is
    annotated. ``draw`` reads drawn masks. May take seconds.

    Raises:
        BadPrompt: phrases or examples that cannot be used.
        BadRequest, BadLabelConfig, ImageMissing: as ``protocol.click.read_click``.
    """
    options = options or ReadOptions()
    task, config = body.tasks[0], parse(body.label_config or "")
    data = TaskData(task)
    config = _with_repeats(config, data)
    asked = _written(body.items[-1], config) or _drawn(body.items, config, draw, options)
    if asked is None or isinstance(asked, Nothing):
        return asked
    prompts = {_text(item.id, "id") for item in body.items}
    drawn = drawn_regions(raw, asked.image.name, asked.item_index, prompts, draw, options)
    labels = asked.labels or labels_of(asked.phrases, config, asked.image, drawn.label, options)
    outputs: list[Output] = []
    numbers: dict[str | None, int] = {}
    for label in labels:
        output = config.output_for(asked.image.name, label, asked.controls, options.output_order)
        if output is None:
            return no_control(asked.image)
        if label not in numbers:
            numbers[label] = len(outputs)
            outputs.append(output)
    return Find(
        image=image_source(body, task, image_value(task, data, asked.image, asked.item_index)),
        phrases=asked.phrases,
        classes=tuple(numbers[label] for label in labels) if asked.phrases else (),
        examples=asked.examples,
        negatives=asked.negatives,
        regions=drawn.boxes,
        outputs=tuple(outputs),
        threshold=asked.threshold,
        size=asked.size,
        image_rotation=asked.image_rotation,
        item_index=asked.item_index,
    )


def _no_boxes() -> Boxes:
    return np.zeros((0, 4))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What was read of the request's items. ``labels``: of the phrases or the example, () if to be chosen."""

    image: Image
    phrases: tuple[str, ...]
    labels: tuple[str | None, ...]
    threshold: float | None
    item_index: int | None
    controls: frozenset[str] = frozenset()
    examples: Boxes = field(default_factory=_no_boxes)
    negatives: Boxes = field(default_factory=_no_boxes)
    size: tuple[int, int] | None = None
    image_rotation: int = 0


def _with_repeats(config: LabelConfig, data: TaskData) -> LabelConfig:
    """The config as it is for one task. Texts inside of repeaters are not repeated."""
    if not config.tags:
        return config
    made = expanded(config, data)
    return LabelConfig(made.images, made.controls, texts=config.texts)


def _written(item: Item, config: LabelConfig) -> _Asked | Nothing | None:
    """What is asked for in words, if it is."""
    if item.type.lower() != "textarea":
        return None
    name = _named(item)
    area = next((text for text in config.texts if text.name == name), None)
    if area is None:
        return None
    fields = Fields(f"the text of {shown(name)}", {"value": item.value, "item_index": item.item_index})
    if memoryview(item.value).nbytes > TEXT_CHARACTERS * (_ESCAPED + _LISTED):
        raise no_list(memoryview(item.value).nbytes)
    value = fields.get("value", _TEXTS)
    text = None if value is None else value.text
    words = "\n".join(text) if isinstance(text, list) else text or ""
    if not words.strip():
        return SILENT
    named = [_text(item.to_name, "to_name"), *area.to_name]
    image = next((found for each in named if (found := config.image(each or ""))), None)
    if image is None:
        return Nothing(f'<TextArea name="{shown(area.name)}"> names no <Image> in its toName')
    phrases = read_phrases(words)
    item_index = fields.whole("item_index", None, 0, 1_000_000)
    return _Asked(image, phrases, (), area.threshold, item_index)


def _drawn(
    items: Sequence[Item], config: LabelConfig, draw: Draw, options: ReadOptions
) -> _Asked | Nothing | None:
    """What is asked for by examples, or by a click with a label, if it is."""
    marks = read_marks(items, PROMPT_LIMIT, options)
    if not marks:
        return None
    newest = marks[-1]
    control = _finding(newest, config)
    if control is None or (isinstance(newest.shape, Point) and not newest.is_positive):
        return None
    image = prompted_image(config, newest.to_name, newest.controls)
    if image is None:
        return Nothing(f'the labeling config has no <Image name="{shown(newest.to_name)}"> to find things on')
    asked = _Asked(
        image,
        phrases=(),
        labels=(newest.label,),
        threshold=control.threshold,
        item_index=newest.item_index,
        controls=frozenset(newest.controls),
        size=newest.size,
        image_rotation=newest.image_rotation,
    )
    if isinstance(newest.shape, Point):
        phrases = names_of(newest.label, config, image)
        return replace(asked, phrases=phrases, labels=(newest.label,) * len(phrases))
    boxes: dict[bool, list[Boxes]] = {True: [], False: []}
    for mark in marks:
        here = (mark.to_name, mark.item_index or 0) == (newest.to_name, newest.item_index or 0)
        if here and isinstance(mark.shape, Area) and _finding(mark, config):
            boxes[mark.is_positive].append(mark.shape.read(draw).box)
    examples, negatives = (np.array(boxes[sign], np.float64).reshape(-1, 4) for sign in (True, False))
    return replace(asked, examples=examples, negatives=negatives)


def _finding(mark: Mark, config: LabelConfig) -> Control | None:
    """The control by which a mark asks to find things."""
    controls = (config.control(name) for name in mark.controls)
    return next((control for control in controls if control is not None and control.finds), None)


def _named(item: Item) -> str:
    return _text(item.from_name, "from_name") or ""


def _text(raw: msgspec.Raw, key: str) -> str | None:
    """A field of an item; None where it is of another kind, which names nothing."""
    try:
        return Fields("", {key: raw}).get(key, TEXT)
    except (BadPrompt, BadRequest):
        return None
