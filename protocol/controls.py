"""The controls of a labeling config, and which of them takes a mask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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
"""Tags that take a mask by default, the preferred first."""

OUTPUT_TAGS = (*OUTPUT_ORDER, "EllipseLabels", "Ellipse")
"""Every tag that can take a mask. The last two only by setting: annotators draw ellipses by hand as well, in
projects whose clicks are meant for other controls."""

PROMPT_TAGS = ("KeyPointLabels", "KeyPoint", "RectangleLabels", "Rectangle")
"""Tags whose tools ask a backend."""

CONTROL_TAGS = {tag.lower(): tag for tag in (*OUTPUT_TAGS, *PROMPT_TAGS, "Labels")}
"""Every tag that is read, by its name without case."""

Spellings = tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A ``<Label>``; Label Studio writes the alias into results when there is one, else the value.

    ``predicted``: its ``predicted_values``, what detectors call it, as they are written, with commas.
    """

    value: str
    alias: str | None = None
    predicted: str = ""

    @property
    def spelling(self) -> str:
        """The label as results name it."""
        return self.alias or self.value

    @property
    def names(self) -> list[str]:
        """What detectors call it: its ``predicted_values``, or else its value."""
        return [name for part in self.predicted.split(",") if (name := part.strip())] or [self.value]


@dataclass(frozen=True, slots=True)
class Control:
    """A control tag. ``dynamic``: its labels come from the task's data, so any label may be one of them.

    ``finds``: what is drawn with it is an example of what is to be found. ``threshold``: its
    ``model_score_threshold``, 0..1, if it has one.
    ``spellings`` are those of ``labels``; a copy with other names takes them along.
    """

    tag: str
    name: str
    to_name: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    dynamic: bool = False
    smart: bool = True
    finds: bool = False
    threshold: float | None = None
    spellings: Spellings = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.spellings:
            object.__setattr__(self, "spellings", _spellings(self.labels))

    @property
    def asks(self) -> bool:
        """Whether its tool asks a backend."""
        return self.tag in PROMPT_TAGS and self.smart

    def spelling_of(self, label: str | None) -> str | None:
        """``label`` as this control spells it: exactly, by value or alias, or without case; else None."""
        if not label or self.dynamic:
            return label or None
        spelled, valued, folded = self.spellings
        return spelled.get(label) or valued.get(label) or folded.get(label.casefold())


@dataclass(frozen=True, slots=True)
class FindText:
    """A ``<TextArea>`` in which annotators write what is to be found on the image ``to_name``."""

    name: str
    to_name: tuple[str, ...]
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """Where a mask goes.

    ``tag``: one of ``OUTPUT_TAGS``. ``from_name``: the control. ``to_name``: the image.
    ``labels``: no label or one, as the control spells it. ``labels_from``: for a tag without labels of its
    own, the ``<Labels>`` control that repeats the region, if there is one.
    """

    tag: str
    from_name: str
    to_name: str
    labels: tuple[str, ...] = ()
    labels_from: str | None = None


def output_for(
    controls: Iterable[Control],
    to_name: str,
    label: str | None,
    prompt_controls: frozenset[str] = frozenset(),
    order: tuple[str, ...] = OUTPUT_ORDER,
) -> Output | None:
    """The output for a mask on the image ``to_name``, or None when no control can take one.

    The earliest tag in ``order`` wins, also when the prompt itself came from such a control. Of several
    controls with that tag it is the first that knows the label, and one that no prompt came from
    (``prompt_controls``) before one that they did.
    """
    bound = [control for control in controls if to_name in control.to_name]
    companion = _companion([control for control in bound if control.tag == "Labels"], label)
    outputs = [_output(control, companion, to_name, label) for control in bound if control.tag in order]
    return min(
        outputs,
        key=lambda output: (order.index(output.tag), not output.labels, output.from_name in prompt_controls),
        default=None,
    )


def _spellings(labels: tuple[Label, ...]) -> Spellings:
    # A config may hold tens of thousands of labels: look them up, do not search.
    newest_first = labels[::-1]
    spelled = {known.spelling: known.spelling for known in newest_first}
    valued = {known.value: known.spelling for known in newest_first}
    folded = {key.casefold(): spelling for key, spelling in (*valued.items(), *spelled.items())}
    return spelled, valued, folded


def _companion(candidates: list[Control], label: str | None) -> Control | None:
    """The ``<Labels>`` control for a tag without labels of its own: the first that knows the label."""
    return min(candidates, key=lambda control: control.spelling_of(label) is None, default=None)


def _output(control: Control, companion: Control | None, to_name: str, label: str | None) -> Output:
    labels_of = control if control.tag.endswith("Labels") else companion
    spelling = labels_of.spelling_of(label) if labels_of else None
    labels_from = labels_of.name if labels_of and labels_of is not control else None
    return Output(control.tag, control.name, to_name, (spelling,) if spelling else (), labels_from)
