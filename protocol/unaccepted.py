"""Prompts that were saved without their mask: nobody pressed the tick of the bottom bar before *Submit*.

When a suggestion is accepted or rejected, Label Studio's editor takes all prompts out of the annotation
(``deleteAllDynamicregions`` in web/libs/editor, 1.23): one that is stored had neither. A click of the smart
tool is known by its ``is_positive``, which the editor writes for no other keypoint. A box has no such mark,
nor has a click that was read back from a draft: whether they were to get a mask is then not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from protocol.bodies.json_text import ABSENT, decode
from protocol.bodies.predict import Item
from protocol.controls import OUTPUT_ORDER, OUTPUT_TAGS, Output
from protocol.item_fields import FLAG, NAMES, TEXT, Fields
from protocol.label_config import LabelConfig
from values.errors import BadPrompt, BadRequest
from values.one_line import shown

Doubt = Literal["", "meant", "beside"]

REMEDY = "open the task, delete what is left of the prompt, click again, press the tick, then Update"

_WORDS = {"keypoint": ("click", "clicks", "keypoint"), "rectangle": ("box", "boxes", "rectangle")}
_AREAS = frozenset(tag.lower().removesuffix("labels") for tag in OUTPUT_TAGS)
_LABEL_KEYS = ("labels", *sorted(f"{kind}labels" for kind in {*_WORDS, *_AREAS}))
# The decoder skips the other keys of a value, masks above all.
_VALUE: msgspec.json.Decoder[msgspec.Struct | None] = msgspec.json.Decoder(
    msgspec.defstruct("Labelled", [(key, msgspec.Raw, ABSENT) for key in _LABEL_KEYS]) | None
)


@dataclass(frozen=True, slots=True)
class Unaccepted:
    """Prompts of one label in a stored annotation.

    ``kind``: "keypoint" or "rectangle"; ``label``: theirs, or None; ``count``: how many. ``doubt``: "" where
    it is certain that their mask is missing; "meant" where they may be results that are meant to be;
    "beside" where the annotation has masks of the label, which may be theirs.
    """

    kind: str
    label: str | None
    count: int
    doubt: Doubt = ""

    def __str__(self) -> str:
        one, more, result = _WORDS[self.kind]
        of = f' "{shown(self.label)}"' if self.label else ""
        single = self.count == 1
        if self.doubt == "meant":
            what = f"{self.count} {result}{'' if single else 's'}{of}"
            return f"{what} without a mask: whether one was asked for is not known"
        what = (
            f"{self.count} {one if single else more}{f' for{of}' if of else ''} {'was' if single else 'were'}"
        )
        if self.doubt == "beside":
            return f"{what} saved beside masks of that label: whether one is missing is not known"
        return f"{what} saved without a mask"


@dataclass(frozen=True, slots=True)
class _Region:
    kind: str
    control: str
    place: tuple[str, int]
    label: str | None
    smart: bool


def unaccepted(
    config: LabelConfig, items: Sequence[Item], order: tuple[str, ...] = OUTPUT_ORDER
) -> list[Unaccepted]:
    """The prompts among the results of an annotation that were saved without a mask, by kind and label.

    ``config``: that of the task, without repeaters. Keypoints and rectangles of controls that ask no backend
    are results; so are those of labels that no control for masks has, and rectangles where those take the
    masks. Results that cannot be read are passed over.
    """
    regions = [(each, _output(config, each, order)) for each in _regions(items)]
    masks = {(each.place, each.label) for each, output in regions if output is None and each.kind in _AREAS}
    found: Counter[tuple[str, str | None, Doubt]] = Counter()
    for each, output in regions:
        if output is not None:
            has_mask = any((each.place, label) in masks for label in (each.label, *output.labels))
            if each.smart or not has_mask:
                doubt: Doubt = "beside" if has_mask else "" if each.smart else "meant"
                found[each.kind, each.label, doubt] += 1
    return [Unaccepted(kind, label, count, doubt) for (kind, label, doubt), count in found.items()]


def _output(config: LabelConfig, region: _Region, order: tuple[str, ...]) -> Output | None:
    """Where the mask of a prompt goes; None for a region that is a result."""
    control = config.control(region.control) if region.kind in _WORDS else None
    if control is None or not control.asks:
        return None
    output = config.output_for(region.place[0], region.label, frozenset({control.name}), order)
    if output is None or output.from_name == control.name or (region.label and not output.labels):
        return None
    return output


def _regions(items: Sequence[Item]) -> Iterator[_Region]:
    """What is placed, with the labels that other results of the same id give it."""
    read = [*_read(items)]
    labels: dict[str, str] = {}
    for identity, item, _, value in read:
        if names := _names(item, value):
            labels.setdefault(identity, names[0])
    seen = set()
    for identity, item, fields, _ in read:
        kind = item.type.lower().removesuffix("labels")
        if (kind in _WORDS or kind in _AREAS) and identity not in seen:
            seen.add(identity)
            try:
                control, to_name = fields.get("from_name", TEXT) or "", fields.get("to_name", TEXT) or ""
                place = to_name, fields.whole("item_index", 0, 0, 1_000_000) or 0
                smart = fields.get("is_positive", FLAG) is not None
            except (BadPrompt, BadRequest):
                continue
            yield _Region(kind, control, place, labels.get(identity), smart)


def _read(items: Sequence[Item]) -> Iterator[tuple[str, Item, Fields, Fields]]:
    """Each result that has a value: its id, itself, its fields and those of its value."""
    for number, item in enumerate(items):
        if (found := _fields(item)) is not None:
            fields, value = found
            yield _identity(fields) or str(number), item, fields, value


def _fields(item: Item) -> tuple[Fields, Fields] | None:
    """The fields of a result and of its value; None where it has none that can be read."""
    raws = {name: getattr(item, name) for name in item.__struct_fields__ if name not in ("type", "value")}
    if bytes(memoryview(item.value)[:1]) != b"{":
        return None
    try:
        value = decode(item.value, _VALUE, "value")
    except BadRequest:
        return None
    labels = {key: getattr(value, key) for key in _LABEL_KEYS}
    return Fields("result", raws), Fields("result", labels, "value.")


def _names(item: Item, value: Fields) -> list[str]:
    for key in (item.type.lower(), "labels"):
        try:
            if found := [name for name in value.get(key, NAMES) or () if name]:
                return found
        except (BadPrompt, BadRequest):
            continue
    return []


def _identity(fields: Fields) -> str:
    try:
        return fields.get("id", TEXT) or ""
    except (BadPrompt, BadRequest):
        return ""
