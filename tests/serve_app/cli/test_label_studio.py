from __future__ import annotations

import base64
import json
from collections.abc import Callable

import httpx
import pytest

from serve_app.cli.label_studio import ConnectError, LabelStudio, web_address
from serve_app.cli.tokens import is_personal_access_token
from testing.canary import CANARY
from tests.serve_app.cli.fake_label_studio import LEGACY, URL


def _segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


PERSONAL = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment({'token_type': 'refresh'})}.{CANARY}"


def test_the_two_kinds_of_token_are_told_apart() -> None:
    assert is_personal_access_token(PERSONAL)
    for other in (LEGACY, "", "a.b.c", "....", "ä.ö.ü", f"{_segment(3)}.b.c"):
        assert not is_personal_access_token(other)


def _studio(handler: Callable[[httpx.Request], httpx.Response], token: str = PERSONAL) -> LabelStudio:
    return LabelStudio(URL, token, transport=httpx.MockTransport(handler))


def test_a_personal_access_token_is_exchanged_again_when_its_access_token_dies() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/prefix/api/token/refresh/":
            assert json.loads(request.content) == {"refresh": PERSONAL}
            seen.append("exchange")
            return httpx.Response(200, json={"access": f"access{seen.count('exchange')}"})
        assert PERSONAL not in str(request.headers)
        seen.append(request.headers["Authorization"])
        dead = seen[-1] == "Bearer access1" and seen.count("Bearer access1") == 2
        return httpx.Response(401 if dead else 200, json={})

    with _studio(handler) as studio:
        studio.get("/api/version/")
        studio.get("/api/version/")
    assert seen == ["exchange", "Bearer access1", "Bearer access1", "exchange", "Bearer access2"]


@pytest.mark.parametrize(
    "answer", [httpx.Response(401), httpx.Response(200, text="?"), httpx.Response(200, json=[])]
)
def test_a_personal_access_token_that_is_not_accepted_is_said_without_it(answer: httpx.Response) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return answer if "refresh" in request.url.path else httpx.Response(401)

    with _studio(handler) as studio, pytest.raises(ConnectError, match="does not accept the token") as caught:
        studio.get("/api/version/")
    assert "canary" not in str(caught.value)


def _fails(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("the proxy said canary", request=request)

    return handler


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (_fails(httpx.ConnectError), "cannot reach Label Studio at http://studio.example/prefix"),
        (_fails(httpx.ReadTimeout), "did not answer in time"),
        (lambda _: httpx.Response(200, text="<html>a login page</html>"), "does not answer as Label Studio"),
        (lambda _: httpx.Response(502, text="<html>canary</html>"), r"HTTP 502$"),
        (
            lambda _: httpx.Response(301, headers={"Location": "https://studio.example/x?canary=1"}),
            "redirects to https://studio.example/x;",
        ),
    ],
)
def test_a_failure_is_one_sentence(handler: Callable[[httpx.Request], httpx.Response], words: str) -> None:
    with _studio(handler, LEGACY) as studio, pytest.raises(ConnectError, match=words) as caught:
        studio.get("/api/version/")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["http://h:8080/", " https://h/ls// ", "http://[::1]:8080"])
def test_addresses_lose_their_trailing_slash(text: str) -> None:
    assert web_address(text, "x") == text.strip().rstrip("/")


@pytest.mark.parametrize(
    "text", ["", "h:8080", "ftp://h", "http://", "http://h:x", "http://u:p@h", "http://h/?a=b", "http://[::1"]
)
def test_what_is_no_plain_web_address_is_refused(text: str) -> None:
    with pytest.raises(ConnectError, match="--backend must"):
        web_address(text, "--backend")
