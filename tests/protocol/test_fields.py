from __future__ import annotations

import msgspec
import pytest

from protocol.fields import FLAG, NAMES, TEXT, Fields
from values.errors import BadPrompt, BadRequest


def fields(json: bytes) -> Fields:
    return Fields("item 1", msgspec.json.decode(json, type=dict[str, msgspec.Raw]), "value.")


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
