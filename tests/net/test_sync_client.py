from __future__ import annotations

import contextlib

import httpx
import pytest

from net.sync_client import NoAnswer, SyncClient
from tests.serve_app.cli.loopback import Reply, serving


def _echo(method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
    said = f"{method} {target} {headers.get('Authorization', '')} ".encode() + body
    return (302 if "away" in target else 418), said, {"Location": "/elsewhere"}


def test_an_answer_comes_whole_whatever_its_status() -> None:
    with serving(_echo) as url, contextlib.closing(SyncClient(f"{url}/prefix", 10.0)) as client:
        answer = client.send("POST", "/a", {"Authorization": "Token x"}, query={"n": 1}, content=b"body")
        assert (answer.status, bytes(answer.body)) == (418, b"POST /prefix/a?n=1 Token x body")
        assert client.send("GET", "/away", {}).status == 302
        form = bytes(client.send("POST", "/a", {}, files={"file0": ("a.png", b"content")}).body)
        assert b'name="file0"; filename="a.png"' in form
        assert b"content" in form


def test_a_login_is_shown() -> None:
    with serving(_echo) as url, contextlib.closing(SyncClient(url, 10.0, login=("a", "b"))) as client:
        assert b"Basic YTpi" in client.send("GET", "/a", {}).body


def test_no_proxy_catches_what_is_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(_echo) as url, contextlib.closing(SyncClient(url, 10.0)) as client:
        assert client.send("GET", "/a", {}).status == 418
    with contextlib.closing(SyncClient("http://198.51.100.1", 10.0)) as client, pytest.raises(NoAnswer):
        client.send("GET", "/a", {})  # the proxy, at which nobody listens


@pytest.mark.parametrize(("error", "late"), [(httpx.ConnectError, False), (httpx.ReadTimeout, True)])
def test_no_answer_is_told_by_its_kind(error: type[httpx.TransportError], late: bool) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("the proxy said more", request=request)

    client = SyncClient("http://host", 10.0, transport=httpx.MockTransport(fail))
    with contextlib.closing(client), pytest.raises(NoAnswer) as caught:
        client.send("GET", "/a", {})
    assert (caught.value.kind, caught.value.late, str(caught.value)) == (error.__name__, late, error.__name__)
