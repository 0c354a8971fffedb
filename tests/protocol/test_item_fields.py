from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from protocol.brush_rle import ENCODED_LIMIT
from protocol.item_fields import BYTES, CORNER_LIMIT, FLAG, LABEL_LIMIT, NAMES, POINTS, TEXT, Fields
from values.errors import BadPrompt, BadRequest


def fields(given: bytes) -> Fields:
    return Fields("item 1", msgspec.json.decode(given, type=dict[str, msgspec.Raw]), "value.")


def test_missing_and_null_are_none() -> None:
    given = fields(b'{"a":null}')
    assert given.get("a", TEXT) is None
    assert given.get("b", FLAG) is None
    assert given.number("a", 3) == 3
    assert given.whole("b", None, 0, 9) is None


@pytest.mark.parametrize(
    "json", [b'{"x":"12"}', b'{"x":true}', b'{"x":[1]}', b'{"x":{}}', b'{"x":1e7}', b'{"x":-1e300}', b"{}"]
)
def test_a_number_is_a_number_near_the_image(json: bytes) -> None:
    with pytest.raises(BadPrompt, match=r"^item 1: .*value\.x"):
        fields(json).number("x")


def test_a_number_that_fits_no_double_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="number out of range"):
        fields(b'{"x":1e999}').number("x")


@pytest.mark.parametrize(("json", "value"), [(b'{"x":960}', 960), (b'{"x":960.0}', 960)])
def test_whole_numbers(json: bytes, value: int) -> None:
    assert fields(json).whole("x", None, 1, 65535) == value


@pytest.mark.parametrize("json", [b'{"x":0}', b'{"x":65536}', b'{"x":1.5}', b'{"x":1e300}', b'{"x":-7}'])
def test_refuses_other_whole_numbers(json: bytes) -> None:
    with pytest.raises(BadPrompt, match="not a whole number from 1 to 65535"):
        fields(json).whole("x", None, 1, 65535)


def test_wrong_elements_are_named() -> None:
    with pytest.raises(BadPrompt, match=r"value\.labels\[1\]"):
        fields(b'{"labels":["a",5]}').get("labels", NAMES)


@pytest.mark.parametrize(
    ("decoder", "most", "more"),
    [
        (POINTS, [[1, 2]] * CORNER_LIMIT, [[]] * (CORNER_LIMIT + 1)),
        (NAMES, ["a"] * LABEL_LIMIT, [1] * (LABEL_LIMIT + 1)),
        (BYTES, [1] * 5000, [-1] * (ENCODED_LIMIT + 1)),
    ],
    ids=["points", "labels", "bytes"],
)
def test_what_has_too_many_elements_is_not_decoded(
    decoder: Any, most: list[object], more: list[object]
) -> None:
    found: Any = fields(json.dumps({"x": most}).encode()).get("x", decoder)
    assert len(found) == len(most)
    with pytest.raises(BadPrompt, match=r"^item 1: value\.x has over "):
        fields(json.dumps({"x": more}).encode()).get("x", decoder)


@pytest.mark.parametrize("digits", [310, 5000])
@pytest.mark.parametrize(
    "read", [lambda given: given.number("x"), lambda given: given.whole("x", None, 1, 9)]
)
def test_a_number_of_hundreds_of_digits_is_a_bad_request(read: Any, digits: int) -> None:
    with pytest.raises(BadRequest, match="number out of range"):
        read(fields(b'{"x":' + b"9" * digits + b"}"))
