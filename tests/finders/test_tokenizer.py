from __future__ import annotations

from pathlib import Path

import pytest

from finders.tokenizer import Tokenizer, read_merges, vocabulary
from testing.weights import owlv2
from tests.finders.theirs import Theirs
from values.errors import BadPrompt, ModelError

PHRASES = [
    *(
        "cat",
        "CAT",
        "a photo of a cat",
        "traffic  lights",
        "don't",
        "the people's 2nd house",
        "xyz",
        "a,b.c!?",
    ),
    *(
        "café",
        "cafe\u0301",
        "STRASSE straße",
        "猫",
        "🐈",
        "tab\there",
        "x\u00a0y",
        "1234",
        "<b>",
        "'ll",
        "\u200b",
    ),
]


@pytest.fixture(scope="module")
def tokenizer(files: tuple[Path, Path]) -> Tokenizer:
    return Tokenizer.read(files[1], context=16)


@pytest.mark.parametrize("phrase", PHRASES)
def test_tokens_are_those_of_transformers(tokenizer: Tokenizer, theirs: Theirs, phrase: str) -> None:
    assert tokenizer.tokens(phrase) == theirs.tokenizer(phrase)["input_ids"]


def test_tokens_are_numbered_in_their_order() -> None:
    numbers = vocabulary([("c", "a"), ("ca", "t</w>")])
    assert [numbers[name] for name in ("!", "a</w>", "ca", "cat</w>", "<|endoftext|>")] == [
        0,
        320,
        512,
        513,
        515,
    ]
    assert len(numbers) == 516


def test_a_phrase_is_not_cut(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.tokens("cat " * 14)) == 16
    with pytest.raises(BadPrompt, match=r"has 15 tokens, and the model reads 14, about as many words"):
        tokenizer.tokens("cat " * 15)


def test_nothing_is_no_phrase(tokenizer: Tokenizer) -> None:
    with pytest.raises(BadPrompt, match="has nothing in it that the model can read"):
        tokenizer.tokens(" \t ")


def test_a_file_of_merges_is_read_as_it_was_written(files: tuple[Path, Path]) -> None:
    assert read_merges(files[1]) == list(owlv2.merges())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is no list of merges"),
        (b"#version: 0.2\n", "is no list of merges"),
        (b"<html>\n<body>\n", "is no list of merges"),
        (b"a b c\n", "is no list of merges"),
        (b"ca t</w>\nc a\n", "are not in their order"),
        (b"\xff\xfe\n", "cannot read the tokenizer's merges"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "merges.txt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=expected):
        read_merges(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"merges.txt: .*No such file.* put the publisher's merges.txt there"
    ):
        read_merges(tmp_path / "merges.txt")
