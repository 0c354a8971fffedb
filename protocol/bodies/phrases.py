"""What ``POST /phrases`` takes, and how long the phrases of any body may be before they are read."""

from __future__ import annotations

import msgspec

from protocol.bodies.json_text import ABSENT, decode_body
from protocol.phrases import PHRASE_LIMIT, TEXT_CHARACTERS, checked, no_list
from values.errors import BadPrompt

_LENGTH_LIMIT = TEXT_CHARACTERS * 12
"""Bytes of phrases, in which a character takes at most twelve: two escapes of six."""


class _Unread(msgspec.Struct):
    phrases: msgspec.Raw = ABSENT


class _Phrases(msgspec.Struct):
    phrases: tuple[str, ...] = ()


_UNREAD = msgspec.json.Decoder(_Unread)
_PHRASES = msgspec.json.Decoder(_Phrases)


def check_length(body: bytes, where: str) -> None:
    """Raises BadPrompt where the ``phrases`` of an object are longer than any list of them, and BadRequest as
    ``protocol.bodies.json_text.decode_body`` does."""
    length = len(bytes(decode_body(body, _UNREAD, where).phrases))
    if length > _LENGTH_LIMIT:
        raise no_list(length)


def read_asked(body: bytes, where: str) -> tuple[str, ...]:
    """The phrases of a body, as models read them; each once, in their order.

    Raises what ``check_length`` and ``protocol.phrases.checked`` raise, and BadPrompt where there are none.
    """
    check_length(body, where)
    phrases = decode_body(body, _PHRASES, where).phrases
    if not phrases:
        raise BadPrompt(f"{where} has no phrases; give $.phrases 1 to {PHRASE_LIMIT} of them")
    return checked(list(phrases))
