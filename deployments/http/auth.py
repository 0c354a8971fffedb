"""HTTP basic auth in front of every route."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.http.responses import error_response
from values.errors import NotAuthenticated


def credentials_match(header: str | None, user: str, password: str) -> bool:
    """Whether an Authorization header carries exactly these credentials.

    Both fields are always compared, each in constant time. Any other scheme, bad base64 or a header without a
    colon is simply no match.
    """
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given_user, colon, given_password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    matches = [
        hmac.compare_digest(given_user, wanted_user) & hmac.compare_digest(given_password, wanted_password)
        for wanted_user, wanted_password in _as_clients_send(user, password)
    ]
    return any(matches) and bool(colon)


def _as_clients_send(user: str, password: str) -> list[tuple[bytes, bytes]]:
    """The credentials in UTF-8, as browsers send them, and in Latin-1, as Label Studio's client does."""
    # A variable that is not UTF-8 arrives with its bytes escaped.
    sent = [(user.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape"))]
    with contextlib.suppress(UnicodeEncodeError):
        sent.append((user.encode("latin-1"), password.encode("latin-1")))
    return sent


class BasicAuth:
    """ASGI middleware that answers 401 to every request without the right credentials."""

    def __init__(self, app: ASGIApp, user: str, password: str) -> None:
        self._app = app
        self._user = user
        self._password = password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer for the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if credentials_match(Headers(scope=scope).get("authorization"), self._user, self._password):
            await self._app(scope, receive, send)
            return
        detail = (
            "this backend asks for HTTP basic auth; in Label Studio's model settings choose Basic "
            "authentication and enter the backend's BASIC_AUTH_USER and BASIC_AUTH_PASS"
        )
        response = error_response(NotAuthenticated(detail))
        response.headers["WWW-Authenticate"] = 'Basic realm="Login required"'
        await response(scope, receive, send)
