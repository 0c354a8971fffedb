from __future__ import annotations

import httpx
import pytest

from net.file_client import send, shown
from values.errors import ModelError


def redirecting(to: str) -> httpx.Client:
    """A client of a network where `start.test` redirects ``to``, and everything else answers."""

    def answer(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(302, headers={"Location": to})
            if request.url.host == "start.test"
            else httpx.Response(200)
        )

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("start", "to"),
    [
        ("https://start.test/w", "https://end.test/w"),
        ("http://start.test/w", "https://end.test/w"),
        ("http://start.test/w", "http://end.test/w"),
    ],
)
def test_redirects_that_are_followed(start: str, to: str) -> None:
    with redirecting(to) as client:
        response = send(client, "GET", start, {"Range": "bytes=1-"})
        assert str(response.url) == to
        assert response.request.headers["range"] == "bytes=1-"
        response.close()


def test_a_redirect_never_leaves_tls() -> None:
    with redirecting("http://end.test/w?token=CANARY") as client, pytest.raises(ModelError) as caught:
        send(client, "GET", "https://start.test/w", {})
    assert (
        "https://start.test/w redirects to http://end.test/w, which is no https address"
        in caught.value.detail
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:word@a.test:8443/w.pt?token=1#x", "https://a.test:8443/w.pt"),
        ("http://[::1]:80/w", "http://[::1]:80/w"),
        ("http://[", "the address"),
        ("https://a.test:word/w", "the address"),
    ],
)
def test_an_address_without_its_secrets(url: str, expected: str) -> None:
    assert shown(url) == expected
