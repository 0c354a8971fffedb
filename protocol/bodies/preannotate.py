"""What ``POST /preannotate`` has beside tasks: what is asked for instead of masks of their boxes."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from protocol.bodies.json_text import ABSENT, decode_body
from protocol.phrases import PHRASE_LIMIT, checked, no_list
from values.errors import BadPrompt, BadRequest
from values.options import GRID_LIMIT


class Everything(msgspec.Struct, frozen=True):
    """Masks of everything in the pictures. ``points_per_side``: of the grid, None for the setting's."""

    points_per_side: Annotated[int, msgspec.Meta(ge=1, le=GRID_LIMIT)] | None = None


class Things(msgspec.Struct, frozen=True):
    """Masks of all things in the pictures that ``phrases`` name, without any those of the config's labels.

    ``threshold``: of scores, None for that of the controls, or the setting's.
    """

    phrases: tuple[str, ...] | None = None
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


Wanted: TypeAlias = Everything | Things


class _Body(msgspec.Struct):
    everything: Everything | None = None
    find: msgspec.Raw = ABSENT


_BODY = msgspec.json.Decoder(_Body)


class _Find(msgspec.Struct):
    find: Things | None = None


_FIND = msgspec.json.Decoder(_Find)

_LENGTH_LIMIT = 64 * 2**10 * 12
"""Bytes of what is to be found: the phrases, in which a character takes at most 12."""


def read_wanted(body: bytes, where: str) -> Wanted | None:
    """What a request asks for; None where it is about boxes.

    Raises BadRequest as ``protocol.bodies.predict.read_predict`` does, and BadPrompt for phrases that cannot
    be looked for.
    """
    read = decode_body(body, _BODY, where)
    if bytes(read.find) == b"null":
        return read.everything
    if read.everything is not None:
        raise BadRequest(f"{where} has both `everything` and `find`; send one of them")
    if len(bytes(read.find)) > _LENGTH_LIMIT:
        raise no_list(len(bytes(read.find)))
    things = decode_body(b'{"find": %b}' % bytes(read.find), _FIND, where).find
    if things is None or things.phrases is None:
        return things
    if not things.phrases:
        raise BadPrompt(f"{where} names nothing to find; give $.find.phrases 1 to {PHRASE_LIMIT} phrases")
    return msgspec.structs.replace(things, phrases=checked(list(things.phrases)))
