"""The fields of a context item, read by their types, with errors that name the item and the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias, TypeVar

import msgspec

from protocol.bodies.json_text import decode
from protocol.brush_rle import ENCODED_LIMIT
from values.errors import BadPrompt, BadRequest

_T = TypeVar("_T")
_LARGEST = 1e6

CORNER_LIMIT = 10_000
"""Points of a polygon, and of all polygons that are read for one request."""

LABEL_LIMIT = 100
"""Labels of one region."""

NUMBER: msgspec.json.Decoder[float | None] = msgspec.json.Decoder(float | None)
FLAG: msgspec.json.Decoder[bool | int | None] = msgspec.json.Decoder(bool | int | None)
TEXT: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)
NAMES: msgspec.json.Decoder[list[str] | None] = msgspec.json.Decoder(list[str] | None)
POINTS: msgspec.json.Decoder[list[tuple[float, float]] | None] = msgspec.json.Decoder(
    list[tuple[float, float]] | None
)
BYTES: msgspec.json.Decoder[list[int] | None] = msgspec.json.Decoder(
    list[Annotated[int, msgspec.Meta(ge=0, le=255)]] | None
)


_Bound: TypeAlias = tuple[bytes, int, str]
_BOUNDS: dict[object, _Bound] = {
    # decoder -> a byte of which each element has one, how many there may be, and what they are
    POINTS: (b"[", CORNER_LIMIT + 1, f"over {CORNER_LIMIT} points; draw a simpler polygon"),
    NAMES: (b",", LABEL_LIMIT - 1, f"over {LABEL_LIMIT} labels"),
    BYTES: (b",", ENCODED_LIMIT - 1, f"over {ENCODED_LIMIT >> 10} Ki numbers; send the mask as a PNG"),
}


class Fields:
    """The undecoded fields of a JSON object.

    ``name``: of the object's item, for sentences. ``path``: comes before a field's name in them.
    """

    def __init__(self, name: str, raws: Mapping[str, msgspec.Raw], path: str = "") -> None:
        self.name = name
        self._raws = raws
        self._path = path

    def get(self, key: str, decoder: msgspec.json.Decoder[_T | None]) -> _T | None:
        """The field, or None when it is null or missing.

        Raises:
            BadPrompt: the field is of another type, or has more elements than are read.
            BadRequest: a number that does not fit a double.
        """
        raw = self._raws.get(key)
        if raw is None:
            return None
        if (bound := _BOUNDS.get(decoder)) is not None and bytes(raw).count(bound[0]) > bound[1]:
            raise self.problem(key, f"has {bound[2]}")
        try:
            return decode(raw, decoder, self.name, self._path + key)
        except BadRequest as error:
            if "number out of range" in error.detail:
                raise
            raise BadPrompt(error.detail) from None

    def number(self, key: str, default: float | None = None) -> float:
        """A number within a million of 0. Raises BadPrompt when it is missing and has no default."""
        value = self.get(key, NUMBER)
        if value is None:
            value = default
        if value is None:
            raise self.problem(key, "is missing")
        if not abs(value) <= _LARGEST:
            raise self.problem(key, f"is {value:g}, which is not a position on an image")
        return float(value)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int | None:
        """A whole number in ``low`` .. ``high``, or ``default`` when the field is null or missing."""
        value = self.get(key, NUMBER)
        if value is None:
            return default
        if not low <= value <= high or value != int(value):
            raise self.problem(key, f"is {value:g}, not a whole number from {low} to {high}")
        return int(value)

    def problem(self, key: str, what: str) -> BadPrompt:
        """A BadPrompt about the field."""
        return BadPrompt(f"{self.name}: {self._path}{key} {what}")
