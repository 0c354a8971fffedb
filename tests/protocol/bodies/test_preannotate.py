from __future__ import annotations

from typing import Any

import pytest

from protocol.bodies.preannotate import Everything, Like, Things, Wanted, read_wanted
from tests.protocol.support import encoded
from values.errors import BadPrompt, BadRequest

LIKE = {"image": "a.png", "box": [0, 0, 0.5, 1]}
EXAMPLE = Like("a.png", (0, 0, 0.5, 1))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, None),
        ({"everything": None}, None),
        ({"everything": {}}, Everything()),
        ({"everything": {"points_per_side": 16}}, Everything(16)),
        ({"everything": {"points_per_side": None, "later": 1}}, Everything()),
        ({"find": None, "everything": {}}, Everything()),
        ({"find": {}}, Things()),
        ({"find": {"phrases": None, "threshold": None}}, Things()),
        ({"find": {"phrases": ["cat", " red  car ", "cat"], "later": 1}}, Things(("cat", "red car"))),
        ({"find": {"phrases": ["cat"], "threshold": 0.5}}, Things(("cat",), 0.5)),
        (
            {"find": {"like": [LIKE, {**LIKE, "task": 7, "label": "Cat"}], "not_like": [LIKE]}},
            Things(like=(EXAMPLE, Like("a.png", (0, 0, 0.5, 1), 7, "Cat")), not_like=(EXAMPLE,)),
        ),
    ],
)
def test_what_is_asked_for_in_place_of_boxes(given: Any, read: Wanted | None) -> None:
    assert read_wanted(encoded({"tasks": [], **given}), "the body") == read


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (True, "$.everything"),
        ({"points_per_side": 0}, "points_per_side"),
        ({"points_per_side": 1000}, "<= 128"),
    ],
)
def test_what_it_cannot_be(given: Any, where: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_wanted(encoded({"everything": given}), "the body of /preannotate")
    assert refused.value.detail.startswith("the body of /preannotate: expected")
    assert where in refused.value.detail


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "names nothing to find; give $.find.phrases 1 to 64 phrases"),
        ([""], "one of the phrases to find is empty"),
        ([f"thing {number}" for number in range(10_000)], "10000 phrases are asked for at once"),
        (["a"] * 1_000_000, "is no list of things to find"),
        (["a" * 2_000_000], "is no list of things to find"),
        (["a" * 201], "has 201 characters, and 200 are the most"),
    ],
)
def test_phrases_that_cannot_be_looked_for(given: Any, words: str) -> None:
    with pytest.raises(BadPrompt) as refused:
        read_wanted(encoded({"find": {"phrases": given}}), "the body of /preannotate")
    assert words in refused.value.detail


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"find": 1}, "$.find"),
        ({"find": {"phrases": "cat"}}, "$.find.phrases"),
        ({"find": {"threshold": 1.5}}, "$.find.threshold"),
        ({"find": {"like": [{"image": "a"}]}}, "$.find.like[0]"),
        ({"find": {"like": [{**LIKE, "box": [0, 1]}]}}, "$.find.like[0].box"),
        ({"find": {"like": [LIKE], "phrases": ["cat"]}}, "has phrases and examples"),
        ({"find": {}, "everything": {}}, "has both `everything` and `find`; send one of them"),
    ],
)
def test_what_finding_cannot_be(given: Any, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_wanted(encoded(given), "the body of /preannotate")
    assert words in refused.value.detail
    assert refused.value.detail.startswith("the body of /preannotate")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"not_like": [LIKE]}, "only examples of what is not meant"),
        ({"like": [LIKE] * 17}, "over 16 examples"),
        ({"like": [LIKE], "not_like": [LIKE] * 1000}, "over 16 examples"),
    ],
)
def test_examples_that_cannot_be_used(given: Any, words: str) -> None:
    with pytest.raises(BadPrompt) as refused:
        read_wanted(encoded({"find": given}), "the body of /preannotate")
    assert words in refused.value.detail
