"""What ``POST /preannotate`` has beside tasks: what is asked for instead of masks of their boxes."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from protocol.bodies.json_text import ABSENT, ArrayLimit, decode_body
from protocol.bodies.phrases import check_length
from protocol.bodies.task import Identity
from protocol.phrases import PHRASE_LIMIT, checked
from values.errors import BadPrompt, BadRequest
from values.options import GRID_LIMIT

EXAMPLE_LIMIT = 16
"""Examples of one request, and as many of what is not meant."""


class Everything(msgspec.Struct, frozen=True):
    """Masks of everything in the pictures. ``points_per_side``: of the grid, None for the setting's."""

    points_per_side: Annotated[int, msgspec.Meta(ge=1, le=GRID_LIMIT)] | None = None


class Like(msgspec.Struct, frozen=True, omit_defaults=True):
    """An example: what is in ``box``, x0, y0, x1, y1 as fractions of the picture at ``image``, of a ``task``.

    ``label``: of what looks like it, None for the first one.
    """

    image: str
    box: tuple[float, float, float, float]
    task: Identity | None = None
    label: str | None = None


class Things(msgspec.Struct, frozen=True, omit_defaults=True):
    """Masks of all things in the pictures that ``phrases`` name, or that look ``like`` examples more than
    what is ``not_like``. Without any of these what the config's labels name.

    ``threshold``: of scores, None for that of the controls, or the setting's.
    """

    phrases: tuple[str, ...] | None = None
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    like: tuple[Like, ...] = ()
    not_like: tuple[Like, ...] = ()


Wanted: TypeAlias = Everything | Things


class _Body(msgspec.Struct):
    everything: Everything | None = None
    find: msgspec.Raw = ABSENT


class _Find(msgspec.Struct):
    find: Things


_BODY = msgspec.json.Decoder(_Body)
_FIND = msgspec.json.Decoder(_Find)
_FEW = [ArrayLimit(key, EXAMPLE_LIMIT) for key in ("like", "not_like")]


def read_wanted(body: bytes, where: str) -> Wanted | None:
    """What a request asks for; None where it is about boxes.

    Raises BadRequest as ``protocol.bodies.predict.read_predict`` does, and BadPrompt for phrases and examples
    that cannot be looked for.
    """
    read = decode_body(body, _BODY, where)
    find = bytes(read.find)
    if find == b"null":
        return read.everything
    if read.everything is not None:
        raise BadRequest(f"{where} has both `everything` and `find`; send one of them")
    if find.startswith(b"{"):
        check_length(find, where)
        if not all(few.holds(find) for few in _FEW):
            raise BadPrompt(f"there are over {EXAMPLE_LIMIT} examples; choose the clearest ones")
    return _checked(decode_body(b'{"find": %b}' % find, _FIND, where).find, where)


def _checked(things: Things, where: str) -> Things:
    """The same, with phrases as models read them. Raises BadRequest, BadPrompt."""
    if things.not_like and not things.like:
        raise BadPrompt("there are only examples of what is not meant; add one of what is to be found")
    if things.phrases is None:
        return things
    if things.like:
        raise BadRequest(f"{where} has phrases and examples, whose scores do not compare; send one of them")
    if not things.phrases:
        raise BadPrompt(f"{where} names nothing to find; give $.find.phrases 1 to {PHRASE_LIMIT} phrases")
    return msgspec.structs.replace(things, phrases=checked(list(things.phrases)))
