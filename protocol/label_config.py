"""The labeling config: which images a task shows, and which control takes a mask.

Tag and attribute names are compared without case, as Label Studio's editor does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from values.errors import BadLabelConfig

OUTPUT_ORDER = (
    "BrushLabels",
    "Brush",
    "BitmaskLabels",
    "Bitmask",
    "PolygonLabels",
    "Polygon",
    "RectangleLabels",
    "Rectangle",
)
"""Tags that can take a mask, the preferred first."""

_LENGTH_LIMIT = 2**20
_CONTROL_LIMIT = 200
_PROMPT_TAGS = ("KeyPointLabels", "KeyPoint", "RectangleLabels", "Rectangle")
_CONTROL_TAGS = {
    tag.lower(): tag for tag in (*OUTPUT_ORDER, *_PROMPT_TAGS, "Labels", "EllipseLabels", "Ellipse")
}


@dataclass(frozen=True, slots=True)
class Image:
    """An ``<Image>``: its name, the key of ``task["data"]`` it shows, and whether that holds a list."""

    name: str
    key: str
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A ``<Label>``; Label Studio writes the alias into results when there is one, else the value."""

    value: str
    alias: str | None = None

    @property
    def spelling(self) -> str:
        """The label as results name it."""
        return self.alias or self.value


@dataclass(frozen=True, slots=True)
class Control:
    """A control tag. ``dynamic``: its labels come from the task's data, so any label may be one of them."""

    tag: str
    name: str
    to_name: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    dynamic: bool = False
    smart: bool = True
    _spellings: tuple[dict[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # A config may hold tens of thousands of labels: look them up, do not search.
        newest_first = self.labels[::-1]
        spelled = {known.spelling: known.spelling for known in newest_first}
        valued = {known.value: known.spelling for known in newest_first}
        folded = {key.casefold(): spelling for key, spelling in (*valued.items(), *spelled.items())}
        object.__setattr__(self, "_spellings", (spelled, valued, folded))

    def spelling_of(self, label: str | None) -> str | None:
        """``label`` as this control spells it: exactly, by value or alias, or without case; else None."""
        if not label or self.dynamic:
            return label or None
        spelled, valued, folded = self._spellings
        return spelled.get(label) or valued.get(label) or folded.get(label.casefold())


@dataclass(frozen=True, slots=True)
class Output:
    """Where a mask goes.

    ``tag``: one of :data:`OUTPUT_ORDER`. ``from_name``: the control. ``to_name``: the image.
    ``labels``: no label or one, as the control spells it. ``labels_from``: for a tag without labels of its
    own, the ``<Labels>`` control that repeats the region, if there is one.
    """

    tag: str
    from_name: str
    to_name: str
    labels: tuple[str, ...] = ()
    labels_from: str | None = None


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What this service needs of a labeling config: images and controls, in document order."""

    images: tuple[Image, ...] = ()
    controls: tuple[Control, ...] = field(default=())

    def image(self, name: str) -> Image | None:
        """The ``<Image>`` of that name."""
        return next((image for image in self.images if image.name == name), None)

    def control(self, name: str) -> Control | None:
        """The control of that name."""
        return next((control for control in self.controls if control.name == name), None)

    def output_for(
        self,
        to_name: str,
        label: str | None,
        prompt_controls: frozenset[str] = frozenset(),
        order: tuple[str, ...] = OUTPUT_ORDER,
    ) -> Output | None:
        """The output for a mask on the image ``to_name``, or None when no control can take one.

        The earliest tag in ``order`` wins; of several controls with that tag, the first that knows the label.
        The controls the prompts came from, ``prompt_controls``, are taken only when nothing else offers.
        """
        bound = [control for control in self.controls if to_name in control.to_name]
        offers = [control for control in bound if control.tag in order]
        others = [control for control in offers if control.name not in prompt_controls]
        companion = _companion([control for control in bound if control.tag == "Labels"], label)
        outputs = [_output(control, companion, to_name, label) for control in others or offers]
        return min(outputs, key=lambda output: (order.index(output.tag), not output.labels), default=None)


def _companion(candidates: list[Control], label: str | None) -> Control | None:
    """The ``<Labels>`` control for a tag without labels of its own: the first that knows the label."""
    return min(candidates, key=lambda control: control.spelling_of(label) is None, default=None)


def _output(control: Control, companion: Control | None, to_name: str, label: str | None) -> Output:
    labels_of = control if control.tag.endswith("Labels") else companion
    spelling = labels_of.spelling_of(label) if labels_of else None
    labels_from = labels_of.name if labels_of and labels_of is not control else None
    return Output(control.tag, control.name, to_name, (spelling,) if spelling else (), labels_from)


@lru_cache(maxsize=64)
def parse(xml: str) -> LabelConfig:
    """Read a labeling config. Tags this service has no use for are passed over.

    Raises:
        BadLabelConfig: not XML, empty, over 1 MiB or 200 controls, or with a DTD or entities.
    """
    if not xml.strip():
        raise BadLabelConfig("the labeling config is empty; save one in the project's settings")
    if len(xml) > _LENGTH_LIMIT:
        raise BadLabelConfig(
            f"the labeling config has {len(xml)} characters, over the limit of {_LENGTH_LIMIT}"
        )
    try:
        root: Element = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException:
        raise BadLabelConfig("the labeling config has a DTD or entities; write it without them") from None
    except (ParseError, ValueError) as error:
        raise BadLabelConfig(f"the labeling config is not XML: {error}") from None
    return _collect(root)


def _collect(root: Element) -> LabelConfig:
    """Images and controls in document order; a label belongs to the nearest control around it."""
    images: list[Image] = []
    found: list[tuple[str, str, dict[str, str], list[Label]]] = []
    stack: list[tuple[Element, list[Label]]] = [(root, [])]
    while stack:
        element, labels = stack.pop()
        attributes = {name.lower(): value for name, value in element.attrib.items()}
        tag, name = element.tag.lower(), attributes.get("name", "")
        if tag == "image" and name:
            listed = attributes.get("valuelist", "")
            key = (listed or attributes.get("value", "")).removeprefix("$")
            images.append(Image(name, key, bool(listed)))
        elif tag == "label":
            value, alias = attributes.get("value"), attributes.get("alias")
            if value or alias:
                labels.append(Label(value or alias or "", alias or None))
        elif tag in _CONTROL_TAGS and name:
            labels = []
            found.append((_CONTROL_TAGS[tag], name, attributes, labels))
        stack += [(child, labels) for child in reversed(element)]
    if len(found) > _CONTROL_LIMIT:
        raise BadLabelConfig(
            f"the labeling config has {len(found)} controls, over the limit of {_CONTROL_LIMIT}"
        )
    return LabelConfig(tuple(images), tuple(_control(*parts) for parts in found))


def _control(tag: str, name: str, attributes: dict[str, str], labels: list[Label]) -> Control:
    to_name = tuple(part.strip() for part in attributes.get("toname", "").split(",") if part.strip())
    dynamic = attributes.get("value", "").startswith("$")
    return Control(
        tag, name, to_name, tuple(labels), dynamic, attributes.get("smart", "true").lower() != "false"
    )


def warnings(config: LabelConfig) -> list[str]:
    """Sentences about a config that can be read but will disappoint the annotator; empty when all is well."""
    if not config.images:
        return ['the labeling config has no <Image name="…"> tag: there is nothing to segment']
    names = {image.name for image in config.images}
    bound = [control for control in config.controls if not names.isdisjoint(control.to_name)]
    outputs = [control for control in bound if control.tag in OUTPUT_ORDER]
    prompts = [control for control in bound if control.tag in _PROMPT_TAGS and control.smart]
    found = [
        f'<{control.tag} name="{control.name}"> names no <Image> in toName="{",".join(control.to_name)}"'
        for control in config.controls
        if names.isdisjoint(control.to_name)
    ]
    if not outputs:
        found.append(
            "no control takes masks: add <BrushLabels>, <BitmaskLabels>, <PolygonLabels> or <RectangleLabels>"
        )
    if not prompts:
        found.append(
            'no control sends prompts: add <KeyPointLabels smart="true"> or <RectangleLabels smart="true">'
        )
    takers = [control for control in bound if control.tag in (*OUTPUT_ORDER, "Labels")]
    return found + [sentence for prompt in prompts if (sentence := _unknown_labels(prompt, takers))]


def _unknown_labels(prompt: Control, takers: list[Control]) -> str | None:
    """A sentence when labels of ``prompt`` are in no other control that a region may go to."""
    others = [control for control in takers if control.name != prompt.name]
    unknown = [
        label.spelling
        for label in prompt.labels
        if others and not any(control.spelling_of(label.spelling) for control in others)
    ]
    if not unknown:
        return None
    shown = ", ".join(unknown[:10]) + (" and more" if len(unknown) > 10 else "")
    return (
        f'<{prompt.tag} name="{prompt.name}"> has labels that no output control has ({shown}): '
        "their regions will have no label"
    )
