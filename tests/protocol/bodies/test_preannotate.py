from __future__ import annotations

from typing import Any

import pytest

from protocol.bodies.preannotate import Everything, read_everything
from tests.protocol.support import encoded
from values.errors import BadRequest


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({}, None),
        ({"everything": None}, None),
        ({"everything": {}}, Everything()),
        ({"everything": {"points_per_side": 16}}, Everything(16)),
        ({"everything": {"points_per_side": None, "later": 1}}, Everything()),
    ],
)
def test_what_of_everything_is_asked_for(given: Any, read: Everything | None) -> None:
    assert read_everything(encoded({"tasks": [], **given}), "the body") == read


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
        read_everything(encoded({"everything": given}), "the body of /preannotate")
    assert refused.value.detail.startswith("the body of /preannotate: expected")
    assert where in refused.value.detail
