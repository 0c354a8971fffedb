from __future__ import annotations

import pytest

from protocol.bodies.setup import read_setup, read_setup_token
from tests.protocol.support import capture, capture_bytes
from values.errors import BadRequest


def test_reads_the_real_setup_and_not_its_token() -> None:
    body = read_setup(capture_bytes("setup"))
    assert body.project_id == "1"
    assert body.schema.startswith("<View>")
    assert "token" not in repr(body)


def test_setup_without_fields_and_broken_ones() -> None:
    assert read_setup(b"{}") == read_setup(b'{"schema":null,"hostname":null,"project":null}')
    with pytest.raises(BadRequest, match=r"the body of /setup: .* at \$.schema"):
        read_setup(b'{"schema":5}')


def test_the_token_is_read_where_it_is_asked_for() -> None:
    assert read_setup_token(capture_bytes("setup")) == capture("setup")["access_token"]
    assert read_setup_token(b'{"access_token":""}') is None
