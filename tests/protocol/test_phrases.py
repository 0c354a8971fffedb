from __future__ import annotations

import pytest

from protocol.phrases import PHRASE_CHARACTERS, PHRASE_LIMIT, checked, read_phrases
from values.errors import BadPrompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", ("cat",)),
        (" cat,  traffic \t light ;dog\nCat\n", ("cat", "traffic light", "dog", "Cat")),
        ("cat,,cat, ", ("cat",)),
        ("cafe\u0301", ("café",)),
    ],
)
def test_phrases_are_between_commas(text: str, expected: tuple[str, ...]) -> None:
    assert read_phrases(text) == expected


@pytest.mark.parametrize("text", ["", " , ;\n", "\u3000"])
def test_a_text_without_phrases_says_what_to_write(text: str) -> None:
    with pytest.raises(BadPrompt, match="nothing says what to find; write a phrase"):
        read_phrases(text)


def test_megabytes_are_not_looked_at() -> None:
    with pytest.raises(BadPrompt, match="a text of 4000000 characters is no list"):
        read_phrases("cat," * 1_000_000)


def test_too_many_phrases_are_refused() -> None:
    names = [str(number) for number in range(PHRASE_LIMIT + 1)]
    assert checked(names[:-1]) == tuple(names[:-1])
    with pytest.raises(BadPrompt, match="65 phrases are asked for at once, and 64 are the most"):
        checked(names)


def test_a_long_phrase_is_refused() -> None:
    assert checked(["x" * PHRASE_CHARACTERS])
    for length in (PHRASE_CHARACTERS + 1, 10_000_000):
        with pytest.raises(BadPrompt, match=f"has {length} characters, and 200 are the most"):
            checked(["x" * length])


def test_an_empty_label_is_refused() -> None:
    with pytest.raises(BadPrompt, match="one of the phrases to find is empty"):
        checked(["cat", "  "])


def test_half_a_character_is_refused() -> None:
    with pytest.raises(BadPrompt, match="holds half of a character"):
        checked(["cat \ud83d"])
