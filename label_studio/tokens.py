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

from net.transport import Net
from values.errors import ImageUnauthorized, ImageUnreachable

DEFAULT_LIFE_S = 300.0
_MARGIN_S = 30.0
_MAX_ANSWER = 64 * 1024


def is_personal(key: str) -> bool:
    """Whether a key has the shape of a JWT, as personal access tokens do and legacy tokens do not."""
    parts = key.split(".")
    return len(parts) == 3 and all(parts) and "alg" in _json_part(parts[0])


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


class LabelStudioTokens:
    """Makes the Authorization header for Label Studio, and keeps it while it is good.

    However many fetches wait, an access token is refreshed once.
    """

    def __init__(
        self,
        refresh_url: httpx.URL,
        key: str,
        net: Net,
        clock: Callable[[], float] = time.monotonic,
        *,
        place: str = "in LABEL_STUDIO_API_KEY",
    ) -> None:
        self._refresh_url = refresh_url
        self._key = key
        self._place = place
        self._net = net
        self._clock = clock
        self.personal = is_personal(key)
        self._header: str | None = None if self.personal else f"Token {key}"
        self._good_until = float("-inf") if self.personal else float("inf")
        self._refreshing: asyncio.Task[str] | None = None

    def __repr__(self) -> str:
        return f"LabelStudioTokens({self.kind})"

    @property
    def kind(self) -> str:
        """Which kind of token it is and where it comes from, in words."""
        return f"{'personal access token' if self.personal else 'legacy token'} {self._place}"

    async def header(self) -> str:
        """The value of ``Authorization``. Raises ImageUnauthorized, or what ``Net.send`` raises."""
        if self._header is not None and self._clock() < self._good_until:
            return self._header
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(_retrieve)
        # Shielded: a caller that gives up must not take the token away from the others.
        return await asyncio.shield(self._refreshing)

    def refused(self, header: str) -> bool:
        """Label Studio answered 401 to ``header``: forget it. Whether a new one is worth a second try."""
        if not self.personal:
            return False
        if self._header == header:
            self._header = None
        return True

    async def _refresh(self) -> str:
        body = json.dumps({"refresh": self._key}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = await self._net.send(
            "POST", self._refresh_url, headers, body, max_bytes=_MAX_ANSWER, repeatable=True
        )
        if answer.status in {400, 401, 403}:
            raise ImageUnauthorized(
                f"Label Studio answered {answer.status} to the {self.kind}; it is expired, revoked or of "
                "another Label Studio: make a new one under Account & Settings"
            )
        access = _access(answer.body) if answer.status == 200 else None
        if access is None:
            raise ImageUnreachable(
                f"Label Studio answered {answer.status} at {self._refresh_url.path} without an access token; "
                "check that LABEL_STUDIO_URL is Label Studio's own address, path prefix included"
            )
        self._header = f"Bearer {access}"
        life = life_of(access)
        self._good_until = self._clock() + max(life - _MARGIN_S, life / 2)
        return self._header


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
