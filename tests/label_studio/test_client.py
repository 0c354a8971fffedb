from __future__ import annotations

import base64
import json
from collections.abc import Callable

import httpx
import pytest

from label_studio.api import Address, LabelStudioError
from label_studio.client import LabelStudio
from label_studio.tokens import Token
from net.sync_client import SyncClient
from testing.canary import CANARY
from tests.serve_app.cli.fake_label_studio import LEGACY, URL
from values.errors import ImageError, ImageUnauthorized


def _segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


PERSONAL = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment({'token_type': 'refresh'})}.{CANARY}"


def _studio(handler: Callable[[httpx.Request], httpx.Response], token: str = PERSONAL) -> LabelStudio:
    at = Address(URL, "--label-studio-url")
    http = SyncClient(URL, 60.0, transport=httpx.MockTransport(handler))
    return LabelStudio(Token(token, at, "that this command was given"), http)


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
    ("answer", "words"),
    [
        (httpx.Response(401), "401 to the personal access token that this command was given; .* new one"),
        (httpx.Response(200, text="?"), "without an access token; check that --label-studio-url"),
        (httpx.Response(200, json=[]), "without an access token; check that --label-studio-url"),
        (httpx.Response(301, headers={"Location": "https://studio.example/"}), "redirects to https://studio"),
        (httpx.Response(200, json={"access": "new"}), "401 to the personal access token .* of a user who"),
    ],
)
def test_a_personal_access_token_that_is_not_accepted_is_said_without_it(
    answer: httpx.Response, words: str
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return answer if "refresh" in request.url.path else httpx.Response(401)

    with _studio(handler) as studio, pytest.raises(ImageError, match=words) as caught:
        studio.get("/api/version/")
    assert "canary" not in str(caught.value)


def test_a_legacy_token_that_is_not_accepted_is_not_shown_twice() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(401)

    with _studio(handler, LEGACY) as studio, pytest.raises(ImageUnauthorized, match="legacy tokens are off"):
        studio.get("/api/version/")
    assert asked == ["/prefix/api/version/"]


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
        (lambda _: httpx.Response(502, text="<html>canary</html>"), r"HTTP 502; its log says why$"),
        (
            lambda _: httpx.Response(301, headers={"Location": "https://studio.example/x?canary=1"}),
            "redirects to https://studio.example/x;",
        ),
    ],
)
def test_a_failure_is_one_sentence(handler: Callable[[httpx.Request], httpx.Response], words: str) -> None:
    with _studio(handler, LEGACY) as studio, pytest.raises(LabelStudioError, match=words) as caught:
        studio.get("/api/version/")
    assert "canary" not in str(caught.value)
