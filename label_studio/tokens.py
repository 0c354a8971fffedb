"""Label Studio's tokens: which kind an API key is, and the Authorization header it makes.

Label Studio has two kinds (seen with 1.23). A legacy token is sent as it is, ``Token <key>``, and only works
where an administrator has enabled legacy tokens. A personal access token is a JWT refresh token: it opens
nothing itself, but ``POST /api/token/refresh/`` makes an access token of it that lives five minutes and is
sent as ``Bearer <access>``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from label_studio.api import Address, LabelStudioError, check_place
from net.answer import Answer
from net.transport import Net
from values.errors import ImageUnauthorized

EXCHANGE = "/api/token/refresh/"
EXCHANGE_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}

DEFAULT_LIFE_S = 300.0
_MARGIN_S = 30.0
_MAX_ANSWER = 64 * 1024


def is_personal(key: str) -> bool:
    """Whether a key has the shape of a JWT, as personal access tokens do and legacy tokens do not."""
    parts = key.split(".")
    return len(parts) == 3 and all(parts) and "alg" in _json_part(parts[0])


def not_whole(key: str) -> str | None:
    """Why a key can be no token of Label Studio's, as the end of a sentence; None for one that may be.

    Label Studio shows a personal access token once. Its page lists it later without its last part, the
    signature, and an access token looks like a personal one.
    """
    parts = key.split(".")
    if "alg" not in _json_part(parts[0]):
        return None
    again = "make a new one under Account & Settings > Personal Access Token, and copy it whole"
    if len(parts) != 3 or not all(parts):
        return f"is a personal access token without its end, as Label Studio's page lists it; {again}"
    if _json_part(parts[1]).get("token_type") == "access":
        return f"is an access token, which lives for minutes, and no personal access token; {again}"
    return None


def _json_part(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def life_of(access: str) -> float:
    """Seconds an access token lives, by its own claims; ``DEFAULT_LIFE_S`` where they do not say."""
    parts = access.split(".")
    claims = _json_part(parts[1]) if len(parts) == 3 else {}
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float):
        return DEFAULT_LIFE_S
    # Both times are of Label Studio's clock, so that ours may be wrong.
    start = issued if isinstance(issued, int | float) else time.time()
    return min(max(0.0, float(expires) - float(start)), DEFAULT_LIFE_S * 12)


class Token:
    """A key of Label Studio's API: which kind it is, and the Authorization header that is good at present.

    Asks nobody: who holds it sends what ``exchange`` says to ``EXCHANGE`` and gives back the answer.

    ``at``: the Label Studio that it is for; ``place``: where the key is, in words.
    """

    def __init__(
        self,
        key: str,
        at: Address,
        place: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.at = at
        self._key = key
        self._clock = clock
        self._place = place
        self.personal = is_personal(key)
        self._header: str | None = None if self.personal else f"Token {key}"
        self._good_until = float("-inf") if self.personal else float("inf")

    def __repr__(self) -> str:
        return f"Token({self.kind})"

    @property
    def kind(self) -> str:
        """Which kind of token it is and where it comes from, in words."""
        return f"{'personal access token' if self.personal else 'legacy token'} {self._place}"

    @property
    def header(self) -> str | None:
        """The value of ``Authorization``, None where the key has to be exchanged first."""
        return self._header if self._clock() < self._good_until else None

    @property
    def exchange(self) -> bytes:
        """The JSON body of the POST that exchanges the key for an access token."""
        return json.dumps({"refresh": self._key}).encode()

    def exchanged(self, answer: Answer, path: str) -> str:
        """The header by the answer of ``path``. Raises ImageUnauthorized or LabelStudioError."""
        check_place(answer, self.at, self)
        if answer.status in {400, 401, 403}:
            raise ImageUnauthorized(
                f"Label Studio answered {answer.status} to the {self.kind}; it is expired, revoked or of "
                "another Label Studio: make a new one under Account & Settings"
            )
        access = _access(answer.body) if answer.status == 200 else None
        if access is None:
            raise LabelStudioError(
                f"Label Studio answered {answer.status} at {path} without an access token; "
                f"check that {self.at.setting} is Label Studio's own address, path prefix included"
            )
        self._header = f"Bearer {access}"
        life = life_of(access)
        self._good_until = self._clock() + max(life - _MARGIN_S, life / 2)
        return self._header

    def refused(self, header: str) -> bool:
        """Label Studio answered 401 to ``header``: forget it. Whether a new one is worth a second try."""
        if not self.personal:
            return False
        if self._header == header:
            self._header = None
        return True


class LabelStudioTokens:
    """Makes the Authorization header for Label Studio, and keeps it while it is good.

    However many fetches wait, an access token is refreshed once.
    """

    def __init__(self, refresh_url: httpx.URL, token: Token, net: Net) -> None:
        self._refresh_url = refresh_url
        self._token = token
        self._net = net
        self._refreshing: asyncio.Task[str] | None = None

    def __repr__(self) -> str:
        return f"LabelStudioTokens({self.kind})"

    @property
    def personal(self) -> bool:
        """Whether it is a personal access token."""
        return self._token.personal

    @property
    def kind(self) -> str:
        """Which kind of token it is and where it comes from, in words."""
        return self._token.kind

    async def header(self) -> str:
        """The value of ``Authorization``. Raises ImageUnauthorized, or what ``Net.send`` raises."""
        if (header := self._token.header) is not None:
            return header
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(_retrieve)
        # Shielded: a caller that gives up must not take the token away from the others.
        return await asyncio.shield(self._refreshing)

    def refused(self, header: str) -> bool:
        """Label Studio answered 401 to ``header``: forget it. Whether a new one is worth a second try."""
        return self._token.refused(header)

    async def _refresh(self) -> str:
        url, body = self._refresh_url, self._token.exchange
        answer = await self._net.send(
            "POST", url, EXCHANGE_HEADERS, body, max_bytes=_MAX_ANSWER, repeatable=True
        )
        return self._token.exchanged(answer, url.path)


def _access(body: bytes | bytearray) -> str | None:
    try:
        access = json.loads(body)["access"]
    except (ValueError, KeyError, TypeError):
        return None
    usable = isinstance(access, str) and access and all("!" <= character <= "~" for character in access)
    return access if usable else None


def _retrieve(task: asyncio.Task[str]) -> None:
    """Whoever still waits gets a failure raised; asyncio need not complain when nobody does."""
    if not task.cancelled():
        task.exception()
