"""The phrases that somebody looks for, as they wrote them."""

from __future__ import annotations

import re
import unicodedata

from values.errors import BadPrompt
from values.one_line import shown

PHRASE_LIMIT = 64
"""Phrases of one request: a new one costs the text half some 10 ms, and a name for each is on the screen."""
PHRASE_CHARACTERS = 200
"""Of a phrase. A model that reads 14 tokens understands no more."""
TEXT_CHARACTERS = PHRASE_LIMIT * (PHRASE_CHARACTERS + 2)
"""Of what is looked at to find phrases in it."""

_BETWEEN = re.compile(r"[,;\n]")


def read_phrases(text: str) -> tuple[str, ...]:
    """The phrases in a text, between commas, semicolons and line ends; each once, in their order.

    Raises ``values.errors.BadPrompt`` where there is none, and where they are too many or too long.
    """
    if len(text) > TEXT_CHARACTERS:
        raise no_list(len(text))
    parts = [part for part in _BETWEEN.split(text) if part.strip()]
    if not parts:
        raise BadPrompt("nothing says what to find; write a phrase, such as: cat, traffic light")
    return checked(parts)


def no_list(characters: int) -> BadPrompt:
    """The error of a text of over ``TEXT_CHARACTERS``."""
    return BadPrompt(
        f"a text of {characters} characters is no list of things to find; write at most {PHRASE_LIMIT} "
        f"phrases of {PHRASE_CHARACTERS} characters, with commas between them"
    )


def checked(phrases: list[str]) -> tuple[str, ...]:
    """These phrases, such as the names of labels, as models read them; each once, in their order.

    Raises ``values.errors.BadPrompt`` for one that is empty or too long, and for too many.
    """
    once = tuple(dict.fromkeys(_tidy(phrase) for phrase in phrases))
    if len(once) > PHRASE_LIMIT:
        raise BadPrompt(f"{len(once)} phrases are asked for at once, and {PHRASE_LIMIT} are the most")
    return once


def _tidy(phrase: str) -> str:
    """On one line and in composed characters. Case is kept: people read it, and models do not."""
    if len(phrase) > TEXT_CHARACTERS:
        raise BadPrompt(_too_long(phrase))
    tidy = " ".join(unicodedata.normalize("NFC", phrase).split())
    if not tidy:
        raise BadPrompt("one of the phrases to find is empty; write what it is, or leave it out")
    if len(tidy) > PHRASE_CHARACTERS:
        raise BadPrompt(_too_long(tidy))
    if any(unicodedata.category(character) == "Cs" for character in tidy):
        raise BadPrompt(f"the phrase {shown(tidy)!r} holds half of a character; write it again")
    return tidy


def _too_long(phrase: str) -> str:
    return (
        f"the phrase {shown(phrase)!r} has {len(phrase)} characters, and {PHRASE_CHARACTERS} are the most; "
        "name the thing in a few words"
    )
