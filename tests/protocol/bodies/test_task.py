from __future__ import annotations

from typing import Any

import pytest

from protocol.bodies.predict import read_predict
from protocol.bodies.setup import read_setup
from protocol.bodies.webhook import read_webhook
from tests.protocol.support import encoded
from values.errors import BadRequest


@pytest.mark.parametrize("project", ["9" * 65, "3\n4", "\x1b[31m"])
@pytest.mark.parametrize("read", [read_predict, read_setup, read_webhook])
def test_a_project_id_is_short_and_printable(read: Any, project: str) -> None:
    body = {"tasks": [], "action": "X", "project": project}
    with pytest.raises(BadRequest, match="project's id"):
        read(encoded(body))


@pytest.mark.parametrize(("project", "expected"), [("3.1724700000", "3"), (3, "3"), ("3", "3"), (None, "")])
def test_project_id_is_the_text_before_the_first_dot(project: object, expected: str) -> None:
    assert read_predict(encoded({"tasks": [], "project": project})).project_id == expected


@pytest.mark.parametrize("identity", [10**309, -(10**19), "x" * 65])
def test_a_task_id_is_a_number_of_64_bits_or_a_short_text(identity: object) -> None:
    with pytest.raises(BadRequest, match=r"at \$\.tasks\[0\]\.id"):
        read_predict(encoded({"tasks": [{"id": identity}]}))
