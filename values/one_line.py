"""Text from outside, fit for a log line or a sentence."""

from __future__ import annotations

NAME_LIMIT = 64
"""Characters of a name or an id in a sentence: whoever wrote it knows it by its beginning."""

SENTENCE_LIMIT = 500
"""Characters of a sentence, wherever it goes."""


def shown(name: str) -> str:
    """A name that a client gave, as it appears in a sentence or a log line."""
    return one_line(name, NAME_LIMIT)


def sentence(text: str) -> str:
    """``text`` on one line of at most ``SENTENCE_LIMIT`` characters; of a longer one the middle is left out.

    What it is about is at its beginning, and the remedy at its end.
    """
    if len(text) <= SENTENCE_LIMIT and len(whole := _escaped(text)) <= SENTENCE_LIMIT:
        return whole
    half = SENTENCE_LIMIT // 2
    return f"{_escaped(text[:half])[: half - 1]}…{_escaped(text[-half:])[-half:]}"


def one_line(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters, the last of which tells that it was cut.

    Control characters, line breaks of any kind, marks that turn the writing direction and halves of
    surrogate pairs are escaped as Python escapes them.
    """
    cut = _escaped(text[: limit + 1])
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
