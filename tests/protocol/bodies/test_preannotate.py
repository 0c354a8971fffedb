from __future__ import annotations

from typing import Any

import pytest

from protocol.bodies.preannotate import Everything, Things, Wanted, read_wanted
from tests.protocol.support import encoded
from values.errors import BadPrompt, BadRequest


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
        ({"find": {}, "everything": {}}, "has both `everything` and `find`; send one of them"),
    ],
)
def test_what_finding_cannot_be(given: Any, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_wanted(encoded(given), "the body of /preannotate")
    assert words in refused.value.detail
    assert refused.value.detail.startswith("the body of /preannotate")
