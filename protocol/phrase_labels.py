"""What the things of a label are called, and which label the things have that a phrase names."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.controls import Output
from protocol.label_config import Image, LabelConfig
from protocol.options import ReadOptions
from protocol.phrases import PHRASE_LIMIT, checked
from values.errors import BadPrompt
from values.one_line import shown


def phrases_of_labels(
    config: LabelConfig, image: Image, order: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the things of all labels that a mask on an image may have are called, and the label of each.

    Where two labels share a name it is the first one's. ``order``: the tags that take a mask. Raises
    BadPrompt where there are no such labels, and what ``protocol.phrases.checked`` raises.
    """
    called: dict[str, tuple[str, str]] = {}
    for control in config.controls:
        for label in control.labels if image.name in control.to_name else ():
            output = output_with(config, image, label.spelling, order)
            if output is None:
                continue
            for name in names_of(label.spelling, config, image):
                called.setdefault(name.casefold(), (name, output.labels[0]))
            if len(called) > PHRASE_LIMIT:
                raise BadPrompt(
                    f"the labels of the labeling config name over {PHRASE_LIMIT} things, the most that are"
                    " looked for at once; say in phrases which of them"
                )
    if not called:
        raise BadPrompt(
            f'the labeling config has no labels for masks on the image "{shown(image.name)}" that could say'
            " what to find; add some, or say it in phrases"
        )
    return tuple(name for name, _ in called.values()), tuple(label for _, label in called.values())


def output_with(
    config: LabelConfig, image: Image, label: str | None, order: tuple[str, ...]
) -> Output | None:
    """The preferred control for masks on an image that has a label; None where none has it."""
    found = (config.output_for(image.name, label, frozenset(), (tag,)) for tag in order)
    return next((output for output in found if output is not None and output.labels), None)


def names_of(label: str | None, config: LabelConfig, image: Image) -> tuple[str, ...]:
    """What the things with a label are called. Raises BadPrompt without one."""
    if label is None:
        raise BadPrompt("a click here finds all things of its label, and it has none; choose a label first")
    controls = (control for control in config.controls if image.name in control.to_name)
    known = (each for control in controls for each in control.labels if label in (each.value, each.alias))
    # The same label is in several controls; the one that says more about it counts.
    named = max(known, key=lambda each: bool(each.predicted), default=None)
    return checked([label] if named is None else named.names)


def labels_of(
    phrases: Sequence[str], config: LabelConfig, image: Image, newest: str | None, options: ReadOptions
) -> tuple[str | None, ...]:
    """The label of each phrase: one that is called so, or else the ``newest`` that was used, or the first."""
    called: dict[str, str] = {}
    controls = [control for control in config.controls if image.name in control.to_name]
    for label in (label for control in controls for label in control.labels):
        for name in (label.value, label.spelling, *label.names):
            called.setdefault(name.casefold(), label.spelling)
    return tuple(
        called.get(phrase.casefold()) or newest or _first(config, image, options) for phrase in phrases
    )


def _first(config: LabelConfig, image: Image, options: ReadOptions) -> str | None:
    """The first label of what takes masks on an image."""
    output = config.output_for(image.name, None, frozenset(), options.output_order)
    control = config.control(output.labels_from or output.from_name) if output else None
    return control.labels[0].spelling if control and control.labels else None
