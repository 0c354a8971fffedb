"""``<Repeater>``: repeats the tags inside it for each item of a list in the task's data.

Names are made as Label Studio's editor makes them, also where it is odd: of each attribute it replaces the
first index flag, and goes over the repeater's own children again, which replaces a second one there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from protocol.controls import Control, Label
from protocol.label_config import Image, LabelConfig, Repeated, Repeater
from protocol.variables import TaskData, resolve
from values.errors import BadLabelConfig
from values.one_line import shown

INDEX_FLAG = "{{idx}}"
"""The text that stands for an item's index where a repeater names no ``indexFlag``."""

REPEATED_LIMIT = 2000
"""Tags that repeaters may make of one task. A round of a repeater, and 250 characters, count as one tag."""

_Flags = tuple[tuple[str, str], ...]


class Spent(Exception):
    """A request has done all the work that its ``Budget`` allows."""


class Budget:
    """Units of work that one request may do where they are a product, such as tasks times images."""

    def __init__(self, units: int) -> None:
        self._left = units

    def spend(self, units: int) -> None:
        """Count ``units`` of work before they are done. Raises Spent when fewer are left."""
        self._left -= units
        if self._left < 0:
            raise Spent


def expanded(config: LabelConfig, data: TaskData) -> LabelConfig:
    """The labeling config as it is for one task, without repeaters.

    Raises:
        BadLabelConfig: over ``REPEATED_LIMIT``, or as ``protocol.variables.resolve``.
        BadRequest: data that cannot be decoded.
    """
    if not config.tags:
        return config
    tags = list(_Expansion(data).made_of(config.tags))
    return LabelConfig(
        tuple(tag for tag in tags if isinstance(tag, Image)),
        tuple(tag for tag in tags if isinstance(tag, Control)),
    )


def images(config: LabelConfig, data: TaskData, budget: Budget) -> Iterator[Image]:
    """The images of ``expanded``, made one by one.

    Raises what ``expanded`` raises, and Spent: what counts towards ``REPEATED_LIMIT`` is taken from the
    budget as well."""
    if not config.tags:
        yield from config.images
        return
    for tag in _Expansion(data, budget).made_of(config.image_tags):
        if isinstance(tag, Image):
            yield tag


class _Expansion:
    """The expansion of one config for one task. Counts the tags that it makes."""

    def __init__(self, data: TaskData, budget: Budget | None = None) -> None:
        self._data = data
        self._budget = budget or Budget(REPEATED_LIMIT)
        self._made = 0
        self._label_texts: dict[int, str] = {}

    def made_of(self, tags: tuple[Repeated, ...]) -> Iterator[Image | Control]:
        for tag in tags:
            if isinstance(tag, Repeater):
                yield from self._rounds(tag, (), (), {})
            else:
                yield tag

    def _rounds(
        self, repeater: Repeater, flags: _Flags, again: _Flags, outer: dict[str, str]
    ) -> Iterator[Image | Control]:
        """The tags that one repeater makes.

        Flags come with their indices. ``flags``: those of the repeaters around it, replaced in everything
        inside them. ``again``: those replaced once more in this repeater's own attributes. ``outer``: those
        replaced once more in the attributes of its own children.
        """
        on = _filled(repeater.on, flags, again)
        flag = INDEX_FLAG if repeater.flag is None else _filled(repeater.flag, flags, again)
        if flags:  # one for each round of those around it, even of a list without items
            self._count(repeater, len(on) + len(flag))
        repeated = resolve(on, self._data)
        for index in range(len(repeated) if isinstance(repeated, list) else 0):
            here = (*flags, (flag, str(index)))
            around = {**outer, flag: str(index)}
            self._count(repeater, len(on) + len(flag))
            for tag, own in repeater.tags:
                twice = tuple(around.items()) if own else ()
                if isinstance(tag, Repeater):
                    yield from self._rounds(tag, here, twice, around if own else {})
                elif isinstance(tag, Image):
                    self._count(repeater, len(tag.name) + len(tag.value))
                    value = _filled(tag.value, here, twice)
                    yield Image(_filled(tag.name, here, twice), value, tag.is_list)
                else:
                    yield self._control(repeater, tag, here, twice)

    def _control(self, repeater: Repeater, tag: Control, flags: _Flags, again: _Flags) -> Control:
        name, to_name = _filled(tag.name, flags, again), _filled(",".join(tag.to_name), flags, again)
        labels = self._labels(tag, flags)
        own = labels is not tag.labels
        self._count(repeater, len(name) + len(to_name) + (250 * len(labels) if own else 0))
        to_names, spellings = tuple(to_name.split(",")), () if own else tag.spellings
        return replace(tag, name=name, to_name=to_names, labels=labels, spellings=spellings)

    def _labels(self, control: Control, flags: _Flags) -> tuple[Label, ...]:
        """The labels with flags replaced; the control's own where none has a flag, to save copies."""
        if id(control) not in self._label_texts:
            texts = (f"{label.value}\n{label.alias or ''}" for label in control.labels)
            self._label_texts[id(control)] = "\n".join(texts)
        if not any(flag in self._label_texts[id(control)] for flag, _ in flags):
            return control.labels
        return tuple(
            Label(
                _filled(label.value, flags, ()),
                _filled(label.alias or "", flags, ()) or None,
                _filled(label.predicted, flags, ()),
            )
            for label in control.labels
        )

    def _count(self, repeater: Repeater, characters: int) -> None:
        units = 1 + characters // 250
        self._made += units
        if self._made > REPEATED_LIMIT:
            raise BadLabelConfig(
                f'<Repeater on="{shown(repeater.on)}"> makes more than {REPEATED_LIMIT} tags of this '
                "task's data; split the task into smaller ones"
            )
        self._budget.spend(units)


def _filled(text: str, flags: _Flags, again: _Flags) -> str:
    for flag, index in (*flags, *again):
        text = text.replace(flag, index, 1)
    return text
