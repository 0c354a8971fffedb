from __future__ import annotations

import pytest

from segmenters.checkpoints.fetch import unreachable
from testing.file_server import Exchange, Server, said


def test_a_publisher_that_answers() -> None:
    with Server(said(200)) as other, Server(said(302, Location=other.url)) as server:
        assert unreachable(f"{server.url}/w.pt") is None
        assert [each.method for each in (*server.requests, *other.requests)] == ["HEAD", "HEAD"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_publisher_that_refuses(status: int) -> None:
    with Server(said(status)) as server:
        assert unreachable(server.url) == f"it answers {status}"


def test_nobody_there() -> None:
    with Server(said(200)) as server:
        url = server.url
    assert "no connection" in (unreachable(url) or "")


def test_what_is_no_address() -> None:
    assert "correct it" in (unreachable("w.pt") or "")


def silence(exchange: Exchange) -> None:
    exchange.host.closing.wait()


def drip(exchange: Exchange) -> None:
    """Begins an answer that never ends, and never pauses for long."""
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not exchange.host.closing.wait(0.01):
        exchange.wfile.write(b"x")


@pytest.mark.slow
@pytest.mark.parametrize("reply", [silence, drip])
def test_a_publisher_that_never_gets_there(reply: object) -> None:
    with Server(reply) as server:  # type: ignore[arg-type]
        found = unreachable(server.url, timeout_s=0.3)
    assert found in ("no answer within 0.3 s", "it stopped sending")
