"""Variables of the environment that are one slip away from a setting's: they would be ignored in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

_SURE = 6
"""Characters of a name that is long enough for one more, less or other to be a slip."""


def misspelt(variables: Mapping[str, str], known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(the variable, the one that is meant) of each that is set in place of one in ``known``.

    ``known``: in capitals. What is known itself is no slip, and nothing is where the one that is meant is set
    too.
    """
    names = sorted(known)
    given = {name.upper() for name, value in variables.items() if value}
    for name in sorted(given - set(names)):
        meant = next((each for each in names if each not in given and _slip(name, each)), None)
        if meant is not None:
            yield name, meant


def _slip(name: str, meant: str) -> bool:
    """Whether two letters beside each other are exchanged, or one is another, too many or missing.

    A letter at the end of a single word makes another word: DEVICES is none of ours, but no slip either.
    """
    if len(name) == len(meant):
        wrong = [place for place, pair in enumerate(zip(name, meant, strict=True)) if pair[0] != pair[1]]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return name[wrong[0]] == meant[wrong[1]] and name[wrong[1]] == meant[wrong[0]]
        return len(wrong) == 1 and len(meant) >= _SURE
    short, long = sorted((name, meant), key=len)
    if len(long) - len(short) != 1 or len(meant) < _SURE:
        return False
    if long.startswith(short):
        return "_" in meant
    return any(long[:place] + long[place + 1 :] == short for place in range(len(long)))
