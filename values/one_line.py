"""Text from outside, fit to stand in a log line or a sentence."""

from __future__ import annotations

NAME_LIMIT = 64
"""Characters of a name or an id in a sentence: whoever wrote it knows it by its beginning."""

SENTENCE_LIMIT = 500
"""Characters of a sentence, wherever it goes: its remedy stands at its end."""


def shown(name: str) -> str:
    """A name that a client gave, as it stands in a sentence or a log line."""
    return one_line(name, NAME_LIMIT)


def one_line(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters, the last of which tells that it was cut.

    Control characters, line breaks of any kind, marks that turn the writing direction and halves of
    surrogate pairs are escaped as Python escapes them.
    """
    cut = text[: limit + 1]
    if not cut.isprintable():
        cut = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)
    return cut if len(cut) <= limit else cut[: limit - 1] + "…"
