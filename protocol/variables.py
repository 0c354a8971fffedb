"""The ``$variables`` of a labeling config, looked up in a task's data as Label Studio's editor does.

A variable is ``$`` and a path: ``$image``, ``$meta.url``, ``$images[0].page``. A value that is one variable
is whatever the data hold there, a list too. In any other value each variable is replaced by its text, and a
value without variables is itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TypeVar

import msgspec

from protocol.bodies.json_text import decode
from protocol.bodies.task import Task
from values.errors import BadLabelConfig, BadRequest, ImageTooLarge
from values.one_line import one_line, shown

T = TypeVar("T")

VARIABLE_LIMIT = 32
"""Variables in one value, and steps in one variable's path."""

PATH_LIMIT = 1000
"""Characters of one variable."""

TEXT_LIMIT = 64 * 2**20
"""Characters that a value may have with its variable replaced: a data: URL around it."""

SHORT_LIMIT = 64 * 2**10
"""Characters that a value of several variables may have: one that is there thirty times makes a body's
megabyte thirty, and this for each image of the labeling config. No server takes a longer address."""

COLON_LIMIT = 100_000
"""Colons in a task's data: each may end a key, which takes two hundred bytes and half a microsecond."""

BRACKET_LIMIT, COMMA_LIMIT = 10_000, 100_000
"""Brackets, and commas, in one value that is no text: each may be a list or an item. A list of pages has one
of both for each page."""

_NAMES_SHOWN = 8
_VARIABLE = re.compile(r"\$([\w[\].{}]+)", re.ASCII)
_ANYTHING: msgspec.json.Decoder[object] = msgspec.json.Decoder(object)
_KEYS: msgspec.json.Decoder[dict[str, msgspec.Raw] | None] = msgspec.json.Decoder(
    dict[str, msgspec.Raw] | None
)


@dataclass(frozen=True, slots=True)
class Absent:
    """The result of a variable that names nothing. ``place``: where it would be, as JSON is addressed.

    ``problem`` completes a sentence that begins with the place, and tells what is there instead.
    """

    place: str
    problem: str


class TaskData:
    """A task's data. Each key is decoded when it is first asked for, and only once."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._values: dict[str, object | BadRequest] = {}

    @cached_property
    def _keys(self) -> dict[str, msgspec.Raw] | BadRequest:
        where = f"data of task {self._task.id}"
        if bytes(self._task.data).count(b":") > COLON_LIMIT:  # a copy that is gone at once
            return BadRequest(
                f"the {where} have over {COLON_LIMIT} keys or colons; import the task without what no tag of "
                "the labeling config shows"
            )
        try:
            return decode(self._task.data, _KEYS, where, where) or {}
        except BadRequest as error:
            return error

    @property
    def _raws(self) -> dict[str, msgspec.Raw]:
        return _known(self._keys)

    def at(self, path: str) -> object:
        """What is at ``path``, or ``Absent``; null counts as absent.

        A key that is spelled as the whole path comes before what the path leads to.

        Raises:
            BadRequest: a value that cannot be decoded.
            BadLabelConfig: a path of too many steps.
        """
        if path in self._raws:
            found, place = self._value(path), _place([path])
        else:
            steps = _steps(path)
            found, place = self._follow(steps), _place(steps)
        if found is None:
            return Absent(place, "is missing: it is null; import the task with a value there")
        return found

    def place_of(self, value: str) -> str:
        """Where the data of a labeling config's ``value`` are, for a sentence."""
        if (whole := _VARIABLE.fullmatch(value)) is None:
            return "the address made of the labeling config's value"
        return _place([whole[1]] if whole[1] in self._raws else _steps(whole[1]))

    def _follow(self, steps: list[str]) -> object:
        if not steps or steps[0] not in self._raws:
            return Absent(_place(steps), f"is missing: the task has {_names(self._raws)}; {_REMEDY}")
        value = self._value(steps[0])
        for number, step in enumerate(steps[1:], 1):
            inner = _inner(value, step)
            if isinstance(inner, Absent):
                there = f"{_place(steps[:number])} {kind_of(value)}"
                return Absent(_place(steps), f"is missing: {there}; {_REMEDY}")
            value = inner
        return value

    def _value(self, key: str) -> object:
        if key not in self._values:
            where = f"data.{shown(key)} of task {self._task.id}"
            try:
                _check(self._raws[key], where)
                self._values[key] = decode(self._raws[key], _ANYTHING, where)
            except BadRequest as error:
                self._values[key] = error
        return _known(self._values[key])


def _known(found: T | BadRequest) -> T:
    """The value, or else raises the error that decoding it met, which is kept as the value is."""
    if isinstance(found, BadRequest):
        raise found
    return found


_REMEDY = "import the task with that key"
_NOT_THERE = Absent("", "")


def resolve(value: str, data: TaskData) -> object:
    """What ``value`` is for this task: anything that JSON has but null, or ``Absent``.

    Raises:
        BadRequest: data that cannot be decoded.
        BadLabelConfig: too many variables in the value, or steps in one of them.
        ImageTooLarge: the text would be over ``TEXT_LIMIT``, or of several variables over
            ``SHORT_LIMIT``.
    """
    if whole := _VARIABLE.fullmatch(value):
        return data.at(whole[1])
    if "$" not in value:
        return value
    parts: list[str] = []
    end = length = 0
    for found in islice(_VARIABLE.finditer(value), VARIABLE_LIMIT + 1):
        if len(parts) == 2 * VARIABLE_LIMIT:
            raise BadLabelConfig(f"a value of the labeling config has more than {VARIABLE_LIMIT} variables")
        text = _text(data.at(found[1]), found[1])
        if isinstance(text, Absent):
            return text
        parts += (value[end : found.start()], text)
        end = found.end()
        length += len(parts[-2]) + len(text)
        most = TEXT_LIMIT if len(parts) == 2 else SHORT_LIMIT
        if length > most:
            raise ImageTooLarge(f"an image's address of variables has over {most >> 10} Ki characters")
    return "".join((*parts, value[end:]))


def variables_of(value: str) -> bool:
    """Whether ``value`` depends on the task."""
    return _VARIABLE.search(value) is not None


def kind_of(value: object) -> str:
    """What a JSON value is, for a sentence that begins with its place; never its content."""
    match value:
        case None:
            return "is null"
        case bool():
            return "is true or false"
        case int() | float():
            return "is a number"
        case str():
            return "is text"
        case list():
            return f"has {len(value)} items"
        case dict():
            return f"has {_names(value)}"
        case _:
            return "is something else"


def _check(raw: msgspec.Raw, where: str) -> None:
    """Raises BadRequest for a value that takes long to decode."""
    if bytes(memoryview(raw)[:1]) == b'"':
        return
    data = bytes(raw)
    if data.count(b"[") + data.count(b"{") > BRACKET_LIMIT or data.count(b",") > COMMA_LIMIT:
        raise BadRequest(
            f"{where} has over {BRACKET_LIMIT} lists and objects, or {COMMA_LIMIT} items in them"
        )


def _text(value: object, path: str) -> str | Absent:
    """A value inside text, spelled as JavaScript spells it."""
    match value:
        case Absent():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case str() | int() | float():
            return str(value)
        case _:
            place = _place(_steps(path))
            return Absent(place, f"{kind_of(value)}, which is no text to put into an address")


def _inner(value: object, step: str) -> object:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and len(step) < 10 and step.isdecimal() and str(int(step)) == step:
        return value[int(step)] if int(step) < len(value) else _NOT_THERE
    return _NOT_THERE


def _steps(path: str) -> list[str]:
    """``images[0].page`` -> images, 0, page; dots and brackets that separate nothing are ignored."""
    if len(path) > PATH_LIMIT:
        raise BadLabelConfig(f"a variable of the labeling config has more than {PATH_LIMIT} characters")
    steps = [""] if path.startswith(".") else []
    step, inside = "", False
    for char in path.removeprefix("."):
        ends = char == "]" if inside else char in ".["
        if not ends:
            step += char
            continue
        if step or inside:
            steps.append(step)
        step, inside = "", not inside and char == "["
        if len(steps) > VARIABLE_LIMIT:
            break
    if step:
        steps.append(step)
    if len(steps) > VARIABLE_LIMIT:
        raise BadLabelConfig(f"a variable of the labeling config has more than {VARIABLE_LIMIT} steps")
    return steps


def _place(steps: list[str]) -> str:
    return "data" + "".join(
        f"[{step}]" if number and step.isdecimal() else f'["{one_line(step, 40)}"]'
        for number, step in enumerate(steps)
    )


def _names(keys: dict[str, object] | dict[str, msgspec.Raw]) -> str:
    few = ", ".join(f'"{one_line(key, 40)}"' for key in islice(keys, _NAMES_SHOWN))
    more = len(keys) - _NAMES_SHOWN
    return (few + (f" and {more} more" if more > 0 else "")) or "no data"
