"""The labeling config: which images a task shows, and which control takes a mask.

Tag and attribute names are compared without case, as Label Studio's editor does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias
from xml.etree.ElementTree import Element

from protocol.bodies.json_text import TEXT_LIMIT
from protocol.config_xml import ConfigCache, check_length, read_xml
from protocol.controls import CONTROL_TAGS, OUTPUT_ORDER, Control, FindText, Label, Output, output_for
from values.errors import BadLabelConfig
from values.one_line import shown

KEPT_CHARACTERS = 2 * 2**20
"""Characters of all configs in the cache, whose parsed form takes thirty bytes for each at most."""

NOTE = "model_says"
"""The name of a ``<TextArea>`` in which annotators read why a click got no mask: ``protocol.editor_note``."""

FIND = "find"
"""The name of a ``<TextArea>`` in which annotators write what is to be found: ``protocol.finding``."""

_CONTROL_LIMIT = 200
_NAME_LIMIT = 100  # images that one control is for
_NESTING_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Image:
    """An ``<Image>``: its name, the value that tells what it shows, and whether that is its ``valueList``."""

    name: str
    value: str
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Repeater:
    """A ``<Repeater>``: ``tags`` stand once for each item of the list ``on``.

    ``flag``: its ``indexFlag``, the text that stands for an item's index, or None without one. Each tag comes
    with whether it is the repeater's own child, and not deeper inside of it.
    """

    on: str
    flag: str | None
    tags: tuple[tuple[Repeated, bool], ...]


Repeated: TypeAlias = Image | Control | Repeater


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """The images and controls of a labeling config, in document order.

    ``images`` and ``controls`` have the tags inside a repeater once, as they are written: see
    ``protocol.repeater``. ``tags``: the same tags with the repeaters around them, empty in a config without
    repeaters. ``image_tags``: those of ``tags`` that have images. ``notes``: the names of the images that a
    ``<TextArea>`` called ``NOTE`` is for. ``texts``: where annotators write what is to be found.
    """

    images: tuple[Image, ...] = ()
    controls: tuple[Control, ...] = ()
    tags: tuple[Repeated, ...] = ()
    image_tags: tuple[Repeated, ...] = ()
    notes: tuple[str, ...] = ()
    texts: tuple[FindText, ...] = ()

    def image(self, name: str) -> Image | None:
        """The ``<Image>`` of that name."""
        return next((image for image in self.images if image.name == name), None)

    def control(self, name: str) -> Control | None:
        """The control of that name."""
        return next((control for control in self.controls if control.name == name), None)

    @property
    def asks_backend(self) -> bool:
        """Whether drawing with one of its controls makes Label Studio's editor ask a backend."""
        return any(control.asks for control in self.controls)

    @property
    def finds(self) -> bool:
        """Whether annotators can ask for all things of a kind, by a phrase or by an example."""
        return bool(self.texts) or any(control.finds for control in self.controls)

    @property
    def common_labels(self) -> list[str]:
        """The labels that every control with labels has, in the order of the first such control."""
        labels = [[label.value for label in control.labels] for control in self.controls if control.labels]
        return [label for label in labels[0] if all(label in other for other in labels)] if labels else []

    def output_for(
        self,
        to_name: str,
        label: str | None,
        prompt_controls: frozenset[str] = frozenset(),
        order: tuple[str, ...] = OUTPUT_ORDER,
    ) -> Output | None:
        """See ``protocol.controls.output_for``."""
        return output_for(self.controls, to_name, label, prompt_controls, order)


def parse(xml: str) -> LabelConfig:
    """Read a labeling config. Tags that this service has no use for are skipped.

    Raises:
        BadLabelConfig: not XML, empty, over 1 MiB, 10,000 tags, 40,000 attributes, 200 controls or 8
            repeaters inside each other, or with a DTD or entities.
    """
    check_length(xml)
    return _CACHE.of(xml)


def _parse(xml: str) -> LabelConfig:
    return _collect(read_xml(xml))


_CACHE = ConfigCache(_parse, KEPT_CHARACTERS)


def _short(name: str) -> str:
    if len(name) > TEXT_LIMIT:
        raise BadLabelConfig(
            f'the name or label "{shown(name)}" of the labeling config has over {TEXT_LIMIT} characters'
        )
    return name


def _names(attributes: dict[str, str], control: str) -> tuple[str, ...]:
    """The names of the images that a control is for."""
    names = attributes.get("toname", "")
    if names.count(",") >= _NAME_LIMIT:
        raise BadLabelConfig(f'the control "{shown(control)}" has over {_NAME_LIMIT} names in its toName')
    return tuple(_short(part.strip()) for part in names.split(",") if part.strip())


class _Found:
    """A tag that was found; ``inside``: what was found in a repeater, and whether it is its own child."""

    def __init__(self, tag: str, attributes: dict[str, str], depth: int = 0) -> None:
        self.tag = tag
        self.attributes = attributes
        self.depth = depth
        self.labels: list[Label] = []
        self.repeats_labels = False
        self.inside: list[tuple[_Found, bool]] = []

    def read(self) -> Repeated:
        """The tag, when the whole config was gone through."""
        attributes, name = self.attributes, _short(self.attributes.get("name", ""))
        value = attributes.get("value", "")
        if self.tag == "repeater":
            return Repeater(attributes.get("on", ""), attributes.get("indexflag"), self.tags())
        if self.tag == "image":
            listed = attributes.get("valuelist", "")
            return Image(name, listed or value, bool(listed))
        to_name = _names(attributes, name)
        dynamic = self.repeats_labels or value.startswith("$")
        smart = attributes.get("smart", "true").lower() != "false"
        labels, finds = tuple(self.labels), _finds(attributes)
        tag, threshold = CONTROL_TAGS[self.tag], _threshold(attributes)
        return Control(tag, name, to_name, labels, dynamic, smart, finds, threshold)

    def tags(self) -> tuple[tuple[Repeated, bool], ...]:
        """What is inside, without repeaters of labels or of nothing at all."""
        read = ((found.read(), own) for found, own in self.inside)
        return tuple((tag, own) for tag, own in read if not isinstance(tag, Repeater) or tag.tags)


def _finds(attributes: dict[str, str]) -> bool:
    return attributes.get("model_find", "").lower() == "true"


def _threshold(attributes: dict[str, str]) -> float | None:
    """Label Studio's own attribute for a score, 0..1; what is none is as if it were not there."""
    try:
        threshold = float(attributes.get("model_score_threshold", ""))
    except ValueError:
        return None
    return threshold if 0 <= threshold <= 1 else None


def _collect(root: Element) -> LabelConfig:
    """Images and controls in document order; a label belongs to the nearest control around it."""
    whole, named, notes = _Found("", {}), list[_Found](), tuple[str, ...]()
    texts: list[FindText] = []
    stack: list[tuple[Element, _Found | None, _Found, bool]] = [(root, None, whole, False)]
    while stack:
        element, control, around, own = stack.pop()
        attributes = {name.lower(): value for name, value in element.attrib.items()}
        tag = element.tag.lower()
        if tag == "label":
            value, alias = attributes.get("value"), attributes.get("alias")
            if control and (value or alias):
                predicted = attributes.get("predicted_values", "")
                control.labels.append(
                    Label(_short(value or alias or ""), _short(alias or "") or None, predicted)
                )
        elif tag == "repeater":
            if control:
                control.repeats_labels = True
            around.inside.append((_Found(tag, attributes, around.depth + 1), own))
            around = around.inside[-1][0]
            if around.depth > _NESTING_LIMIT:
                raise BadLabelConfig(f"over {_NESTING_LIMIT} <Repeater> tags are nested")
        elif attributes.get("name") and (tag == "image" or tag in CONTROL_TAGS):
            named.append(_Found(tag, attributes))
            around.inside.append((named[-1], own))
            control = control if tag == "image" else named[-1]
        elif tag == "textarea" and attributes.get("name") == NOTE:
            notes = _names(attributes, NOTE)
        elif tag == "textarea" and (name := attributes.get("name")) and (name == FIND or _finds(attributes)):
            texts.append(FindText(_short(name), _names(attributes, name), _threshold(attributes)))
        stack += [(child, control, around, tag == "repeater") for child in reversed(element)]
    if (count := sum(found.tag != "image" for found in named)) > _CONTROL_LIMIT:
        raise BadLabelConfig(f"the labeling config has {count} controls, over the limit of {_CONTROL_LIMIT}")
    flat, tags = [found.read() for found in named], whole.tags()
    repeats = any(isinstance(tag, Repeater) for tag, _ in tags)
    return LabelConfig(
        tuple(tag for tag in flat if isinstance(tag, Image)),
        tuple(tag for tag in flat if isinstance(tag, Control)),
        tuple(tag for tag, _ in tags) if repeats else (),
        tuple(tag for tag, _ in _with_images(tags)) if repeats else (),
        notes,
        tuple(texts),
    )


def _with_images(tags: tuple[tuple[Repeated, bool], ...]) -> tuple[tuple[Repeated, bool], ...]:
    """The images among ``tags``, and the repeaters that make some."""
    lighter = (
        (replace(tag, tags=_with_images(tag.tags)) if isinstance(tag, Repeater) else tag, own)
        for tag, own in tags
    )
    return tuple(
        (tag, own)
        for tag, own in lighter
        if isinstance(tag, Image) or (isinstance(tag, Repeater) and tag.tags)
    )
