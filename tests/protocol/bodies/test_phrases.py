from __future__ import annotations

from typing import Any

import pytest

from protocol.bodies.phrases import read_asked
from tests.protocol.support import encoded
from values.errors import BadPrompt, BadRequest

WHERE = "the body of /phrases"


def test_phrases_are_read_as_models_read_them_and_each_once() -> None:
    body = encoded({"phrases": ["cat", " traffic \n light ", "cat"], "later": 1})
    assert read_asked(body, WHERE) == ("cat", "traffic light")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "the body of /phrases has no phrases; give $.phrases 1 to 64 of them"),
        ({"phrases": []}, "has no phrases"),
        ({"phrases": ["cat", " "]}, "one of the phrases to find is empty"),
        ({"phrases": [f"a{number}" for number in range(65)]}, "65 phrases are asked for at once"),
        ({"phrases": [f"thing {number}" for number in range(10_000)]}, "10000 phrases are asked for at once"),
        ({"phrases": ["a"] * 1_000_000}, "is no list of things to find"),
        ({"phrases": ["a" * 2_000_000]}, "is no list of things to find"),
        ({"phrases": ["a" * 201]}, "has 201 characters, and 200 are the most"),
    ],
)
def test_phrases_that_cannot_be_looked_for(given: Any, words: str) -> None:
    with pytest.raises(BadPrompt) as refused:
        read_asked(encoded(given), WHERE)
    assert words in refused.value.detail
    assert len(refused.value.detail) < 500


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b"cat", "is not JSON"),
        (b'["cat"]', "expected `object`"),
        (b'{"phrases": null}', "$.phrases"),
        (b'{"phrases": "cat"}', "$.phrases"),
        (b'{"phrases": [1]}', "$.phrases[0]"),
        (b'{"phrases": ["\xff"]}', "is not UTF-8"),
        (rb'{"phrases": ["\ud800"]}', "is not JSON"),
        (b'{"phrases": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_body_of_phrases(body: bytes, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_asked(body, WHERE)
    assert words in refused.value.detail
    assert refused.value.detail.startswith(WHERE)
