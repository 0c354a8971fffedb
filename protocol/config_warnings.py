"""Warnings about a labeling config that can be read but will disappoint the annotator."""

from __future__ import annotations

from collections import Counter, defaultdict

from protocol.controls import OUTPUT_ORDER, OUTPUT_TAGS, Control
from protocol.label_config import Image, LabelConfig
from protocol.variables import variables_of
from values.one_line import shown


def warnings(config: LabelConfig, order: tuple[str, ...] = OUTPUT_ORDER, *, finder: bool = True) -> list[str]:
    """Sentences about ``config``; empty when all is well. ``order``: the tags that take masks. ``finder``:
    whether there is a detector, which finds things.
    """
    if not config.images:
        return ['the labeling config has no <Image name="…"> tag: there is nothing to segment']
    names = {image.name for image in config.images}
    bound = [control for control in config.controls if not names.isdisjoint(control.to_name)]
    outputs = [control for control in bound if control.tag in order]
    prompts = [control for control in bound if control.asks]
    found = [
        f'<{control.tag} name="{shown(control.name)}"> names no <Image> in '
        f'toName="{shown(",".join(control.to_name))}"'
        for control in config.controls
        if names.isdisjoint(control.to_name)
    ]
    if not outputs:
        found.append(
            "no control takes masks: add <BrushLabels>, <BitmaskLabels>, <PolygonLabels> or <RectangleLabels>"
            + _left_out(bound)
        )
    if config.finds and not finder:
        found.append(
            "the labeling config asks to find things by phrases or examples, and the backend has no detector:"
            " set FINDER to owlv2_base there"
        )
    found += [
        f'<{control.tag} name="{shown(control.name)}"> has model_find="true" and asks no backend: it must be'
        ' a <RectangleLabels> or <KeyPointLabels> with smart="true"'
        for control in bound
        if control.finds and not control.asks
    ]
    if not prompts and not config.texts:
        found.append(
            'no control sends prompts: add <KeyPointLabels smart="true"> or <RectangleLabels smart="true">'
        )
    takers = [control for control in bound if control.tag in (*order, "Labels")]
    found += [sentence for image in config.images if (sentence := _constant(image))]
    # Labels are counted once, because looking for each label of each prompt in each control takes long.
    known, named = Counter[str](), defaultdict[str, Counter[str]](Counter)
    for control in takers:
        known.update(control.spellings[-1].keys())
        named[control.name].update(control.spellings[-1].keys())
    return found + [
        sentence
        for prompt in prompts
        if (sentence := _unknown_labels(prompt, takers, known, named[prompt.name]))
    ]


def _left_out(controls: list[Control]) -> str:
    """The other remedy, where there is a control that could take masks and is not in ``OUTPUT_ORDER``."""
    tag = next((control.tag for control in controls if control.tag in OUTPUT_TAGS), None)
    return f", or list {tag} in the backend's OUTPUT_ORDER" if tag else ""


def _unknown_labels(
    prompt: Control, takers: list[Control], known: Counter[str], own: Counter[str]
) -> str | None:
    """A sentence when labels of ``prompt`` are in no other control that a region may go to.

    ``known``: how many of ``takers`` have a label, without case; ``own``: how many of the prompt's name.
    """
    others = [control for control in takers if control.name != prompt.name]
    if not others or any(control.dynamic for control in others):
        return None
    spelled = ((label.spelling, label.spelling.casefold()) for label in prompt.labels)
    unknown = [spelling for spelling, key in spelled if known[key] <= own[key]]
    if not unknown:
        return None
    few = ", ".join(map(shown, unknown[:10])) + (" and more" if len(unknown) > 10 else "")
    return (
        f'<{prompt.tag} name="{shown(prompt.name)}"> has labels that no output control has ({few}): '
        "their regions will have no label"
    )


def _constant(image: Image) -> str | None:
    """A sentence when ``image`` shows the same in every task, which is no address: a ``$`` is missing."""
    if variables_of(image.value) or "/" in image.value or ":" in image.value:
        return None
    return (
        f'<Image name="{shown(image.name)}"> shows "{shown(image.value)}" in every task, which is no '
        'address; write value="$…" with the key of the tasks\' data'
    )
