from __future__ import annotations

import httpx
import pytest

from net.file_client import FileClient, shown
from values.errors import ModelError


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies would come before the network that is made up here."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Redirecting(httpx.BaseTransport):
    """A network where `start.test` redirects ``to``, and everything else answers."""

    def __init__(self, to: str) -> None:
        self.requests: list[httpx.Request] = []
        self._to = to

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host == "start.test":
            return httpx.Response(302, headers={"Location": self._to})
        return httpx.Response(200, headers={"ETag": '"1"'}, content=b"weights")


@pytest.mark.parametrize(
    ("start", "to"),
    [
        ("https://start.test/w", "https://end.test/w"),
        ("http://start.test/w", "https://end.test/w"),
        ("http://start.test/w", "http://end.test/w"),
    ],
)
def test_redirects_that_are_followed(start: str, to: str) -> None:
    network = Redirecting(to)
    with FileClient(transport=network) as client, client.ask("GET", start, {"Range": "bytes=1-"}) as answer:
        assert (answer.status, answer.headers["etag"]) == (200, '"1"')
        assert b"".join(answer.chunks) == b"weights"
    assert [str(request.url) for request in network.requests] == [start, to]
    assert network.requests[-1].headers["range"] == "bytes=1-"


def test_a_redirect_never_leaves_tls() -> None:
    network = Redirecting("http://end.test/w?token=CANARY")
    with (
        FileClient(transport=network) as client,
        pytest.raises(ModelError) as caught,
        client.ask("GET", "https://start.test/w"),
    ):
        pass
    assert (
        "https://start.test/w redirects to http://end.test/w, which is no https address"
        in caught.value.detail
    )
    assert len(network.requests) == 1


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
