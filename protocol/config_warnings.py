"""What is wrong with a labeling config that can be read but will disappoint the annotator."""

from __future__ import annotations

from protocol.controls import OUTPUT_ORDER, PROMPT_TAGS, Control
from protocol.label_config import Image, LabelConfig
from protocol.variables import variables_of


def warnings(config: LabelConfig) -> list[str]:
    """Sentences about ``config``; empty when all is well."""
    if not config.images:
        return ['the labeling config has no <Image name="…"> tag: there is nothing to segment']
    names = {image.name for image in config.images}
    bound = [control for control in config.controls if not names.isdisjoint(control.to_name)]
    outputs = [control for control in bound if control.tag in OUTPUT_ORDER]
    prompts = [control for control in bound if control.tag in PROMPT_TAGS and control.smart]
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
    found += [sentence for image in config.images if (sentence := _constant(image))]
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


def _constant(image: Image) -> str | None:
    """A sentence when ``image`` shows the same in every task, which is no address: a ``$`` is missing."""
    if variables_of(image.value) or "/" in image.value or ":" in image.value:
        return None
    return (
        f'<Image name="{image.name}"> shows "{image.value}" in every task, which is no address; '
        'write value="$…" with the key of the tasks\' data'
    )
