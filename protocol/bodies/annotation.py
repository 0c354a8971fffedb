"""Annotations as Label Studio stores them: in webhooks, and as its API lists those of a task."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from protocol.bodies.json_text import ArrayLimit, decode
from protocol.bodies.predict import Item
from values.errors import BadRequest

REGION_LIMIT = 20_000
"""Results of one annotation: Label Studio's editor is slow with a thousand. Each takes some kilobyte here."""

_FEW_REGIONS = ArrayLimit("result", REGION_LIMIT)


AnnotationId: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class StoredAnnotation(msgspec.Struct, frozen=True):
    """An annotation. ``was_cancelled``: the task was skipped. ``result``: its regions, values undecoded."""

    id: AnnotationId
    was_cancelled: bool = False
    result: tuple[Item, ...] | None = None


_ANNOTATION = msgspec.json.Decoder(StoredAnnotation)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def read_annotation(raw: bytes | msgspec.Raw, where: str = "the annotation") -> StoredAnnotation:
    """Read one annotation.

    Raises:
        BadRequest: it is not of the shape that Label Studio stores, or has over ``REGION_LIMIT`` results.
    """
    if not _FEW_REGIONS.holds(memoryview(raw)):
        raise BadRequest(f"{where} has over {REGION_LIMIT} regions")
    return decode(raw, _ANNOTATION, where)


def split_annotations(body: bytes | bytearray | memoryview) -> list[msgspec.Raw]:
    """The annotations in an answer of Label Studio's API, each to be read. Raises BadRequest."""
    return decode(bytes(body), _LIST, "the list of annotations")
