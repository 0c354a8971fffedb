"""The two kinds of token that Label Studio gives its users, and how each is shown to it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Generator

import httpx


class TokenAuth(httpx.Auth):
    """Sends either kind of Label Studio token the way Label Studio wants it.

    A legacy token goes along as it is. A personal access token is a refresh token: it is exchanged for an
    access token that lives five minutes, and exchanged again when that one has died.
    """

    requires_response_body = True

    def __init__(self, url: str, token: str) -> None:
        self._refresh_url = f"{url}/api/token/refresh/"
        self._token = token.strip()
        self._personal = is_personal_access_token(self._token)
        self._access = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorize ``request``, exchanging the token before or in between where needed."""
        if not self._personal:
            request.headers["Authorization"] = f"Token {self._token}"
            yield request
            return
        fresh = not self._access
        if fresh and not self._accept((yield self._exchange())):
            yield request  # without a token: the answer is then the 401 that the caller explains
            return
        request.headers["Authorization"] = f"Bearer {self._access}"
        answer = yield request
        if answer.status_code == 401 and not fresh and self._accept((yield self._exchange())):
            request.headers["Authorization"] = f"Bearer {self._access}"
            yield request

    def _exchange(self) -> httpx.Request:
        return httpx.Request("POST", self._refresh_url, json={"refresh": self._token})

    def _accept(self, answer: httpx.Response) -> bool:
        self._access = ""
        if answer.is_success:
            try:
                self._access = str(answer.json()["access"])
            except (ValueError, KeyError, TypeError):
                return False
        return bool(self._access)


def is_personal_access_token(token: str) -> bool:
    """Whether ``token`` is a JSON web token, as personal access tokens are and legacy tokens are not."""
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(header, dict) and "alg" in header
