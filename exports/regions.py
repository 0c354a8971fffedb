"""The regions of an annotation, read from Label Studio's JSON one by one: a damaged one spoils no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from exports.pictures import LeftOut, Size
from exports.shapes import READERS, Shape
from protocol.bodies.json_text import decode
from protocol.item_fields import NAMES, TEXT, Fields
from values.errors import BadPrompt, BadRequest
from values.one_line import shown

MEGAPIXELS = 250
"""Of a picture. Its masks are decoded one at a time, in several times as many bytes."""

_LONGEST = 1_000_000
_WITHOUT_AREA = frozenset({"keypoint", "vector", "cuboid"})
_RAWS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region. ``labels``: as Label Studio spells them. ``image``: the name of its ``<Image>``; ``item``:
    which of a list of images. ``size``: width and height of the picture that it was drawn on."""

    id: str
    labels: tuple[str, ...]
    image: str
    item: int
    size: Size
    shape: Shape


class Regions:
    """The regions of one annotation, in their order; gone through once.

    ``left_out`` is filled meanwhile; ``points`` counts the keypoints, which have no area.
    """

    def __init__(self, task: int, results: Sequence[msgspec.Raw]) -> None:
        self._task = task
        self._results = results
        self.left_out: list[LeftOut] = []
        self.points = 0

    def __iter__(self) -> Iterator[Region]:
        items = [*self._items()]
        labels = _labels_of(items)
        seen = set()
        for item in items:
            kind = item.kind
            if kind in _WITHOUT_AREA:
                self.points += kind == "keypoint"
                if kind != "keypoint":
                    self._leave_out(item.id, f"{item.name} is a {kind}, which has no area")
            if kind not in READERS or item.id in seen:
                continue
            seen.add(item.id)
            try:
                yield item.read(labels.get(item.id, ()))
            except (BadPrompt, BadRequest) as error:
                detail = error.detail
                self._leave_out(item.id, detail if item.name in detail else f"{item.name}: {detail}")

    def _items(self) -> Iterator[_Item]:
        for number, result in enumerate(self._results):
            where = f"result {number + 1}"
            try:
                yield _Item(number, decode(result, _RAWS, where, where))
            except (BadPrompt, BadRequest) as error:
                self._leave_out("", error.detail)

    def _leave_out(self, region: str, sentence: str) -> None:
        self.left_out.append(LeftOut(self._task, region, sentence))


class _Item:
    """One result, whose value is not decoded yet. Raises BadPrompt or BadRequest for what is no result."""

    def __init__(self, number: int, raws: dict[str, msgspec.Raw]) -> None:
        fields = Fields(f"result {number + 1}", raws)
        self.type = (fields.get("type", TEXT) or "").lower()
        self.id = fields.get("id", TEXT) or f"result-{number + 1}"
        self.name = f"region {shown(self.id)}"
        self.kind = self.type.removesuffix("labels")
        self._fields = Fields(self.name, raws)
        value = raws.get("value", msgspec.Raw(b"null"))
        is_object = bytes(memoryview(value)[:1]) == b"{"
        values: dict[str, msgspec.Raw] = decode(value, _RAWS, self.name) if is_object else {}
        self._value = Fields(self.name, values, "value.")

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that this result gives its region."""
        names = self._value.get(self.type, NAMES) if self.type.endswith("labels") else None
        return tuple(name for name in names or () if name)

    def read(self, labels: tuple[str, ...]) -> Region:
        """The region. Raises BadPrompt or BadRequest."""
        fields = self._fields
        width = fields.whole("original_width", None, 1, _LONGEST)
        height = fields.whole("original_height", None, 1, _LONGEST)
        if width is None or height is None:
            raise fields.problem("original_width", "or original_height is missing; open the task and save it")
        if width * height > MEGAPIXELS * 10**6:
            raise BadPrompt(f"{self.name}: its picture has over {MEGAPIXELS} megapixels")
        item = fields.whole("item_index", 0, 0, _LONGEST) or 0
        shape = READERS[self.kind](self._value, width, height)
        return Region(self.id, labels, fields.get("to_name", TEXT) or "", item, (width, height), shape)


def _labels_of(items: Iterable[_Item]) -> dict[str, tuple[str, ...]]:
    """The labels of each region, which another result of the same id may have."""
    found: dict[str, tuple[str, ...]] = {}
    for item in items:
        try:
            labels = item.labels
        except (BadPrompt, BadRequest):  # its region has none, which is said
            continue
        found[item.id] = (*found.get(item.id, ()), *(name for name in labels if name))
    return {region: tuple(dict.fromkeys(names)) for region, names in found.items()}
