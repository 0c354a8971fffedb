"""What an image's host is shown of credentials, and what to say when it does not like them."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

import httpx

from label_studio.api import unauthorized
from label_studio.options import LabelStudioOptions
from label_studio.site import Site
from label_studio.tokens import EXCHANGE, LabelStudioTokens, Token
from net.addresses import AllowList, Origin
from net.answer import Answer
from net.large_files import Grows
from net.transport import Net
from values.errors import ImageUnauthorized
from values.image import ImageSource
from values.locations import LabelStudioFile, WebImage

MAX_OFFERED = 100
"""Tokens that came with /setup and whose state is kept."""

_CONFIGURED = "in LABEL_STUDIO_API_KEY"
_OFFERED = "that Label Studio sent with /setup (USE_SETUP_TOKEN)"


class ProjectTokens:
    """The token of the settings for every project; without one, that which came with the project's /setup."""

    def __init__(self, options: LabelStudioOptions, site: Site | None, net: Net) -> None:
        self._site = site
        self._net = net
        key = options.label_studio_api_key
        self._configured = None if key is None else self._make(key.get_secret_value(), _CONFIGURED)
        self._offered: OrderedDict[str, LabelStudioTokens] = OrderedDict()

    def of(self, offered: str | None) -> LabelStudioTokens | None:
        """The token to ask with, where ``offered`` came with /setup. None: nothing may be shown."""
        if self._configured is not None or offered is None:
            return self._configured
        if offered not in self._offered:
            tokens = self._make(offered, _OFFERED)
            if tokens is None:
                return None
            self._offered[offered] = tokens
        self._offered.move_to_end(offered)
        while len(self._offered) > MAX_OFFERED:
            self._offered.popitem(last=False)
        return self._offered[offered]

    def _make(self, key: str, place: str) -> LabelStudioTokens | None:
        if self._site is None:
            return None
        return LabelStudioTokens(self._site.url(EXCHANGE), Token(key, self._site.address, place), self._net)


class Credential(Protocol):
    """What makes an Authorization header."""

    async def header(self) -> str:
        """The value of the header."""

    def refused(self, header: str) -> bool:
        """The host answered 401 to it; whether a second try may go better."""


class BasicAuth:
    """HTTP basic authentication with a project's task-data login (RFC 7617, UTF-8)."""

    def __init__(self, login: str, password: str) -> None:
        self._header = "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode("ascii")

    async def header(self) -> str:
        """The value of ``Authorization``."""
        return self._header

    def refused(self, header: str) -> bool:
        """The same login would be refused again."""
        return False


class Credentials:
    """Label Studio's token for Label Studio, a project's login for hosts that an operator named."""

    def __init__(self, options: LabelStudioOptions, site: Site | None, allowed: AllowList, net: Net) -> None:
        self._site = site
        self._allowed = allowed
        self._tokens = ProjectTokens(options, site, net)

    def of(self, location: LabelStudioFile | WebImage, source: ImageSource) -> Credential | None:
        """What the first address is asked with; no later address is ever given a credential of its own."""
        if isinstance(location, LabelStudioFile):
            return self._tokens.of(source.token)
        if source.login and self._may_see_login(location.url):
            return BasicAuth(source.login, source.password or "")
        return None

    def _may_see_login(self, url: httpx.URL) -> bool:
        """Only hosts that IMAGE_HOSTS names: else a task naming some public host would carry it there."""
        origin = Origin.of(url)
        return origin != self._label_studio() and self._allowed.names(origin.host, origin.port)

    def refused(self, url: httpx.URL, what: str, source: ImageSource) -> ImageUnauthorized:
        """The error for a host that refused what it was shown, or was shown nothing; ``what`` it did."""
        host = Origin.of(url)
        if host != self._label_studio():
            remedy = "if its address was signed, it may have expired, or the object be gone"
            if source.login and not self._may_see_login(url):
                remedy = (
                    "the project's task-data login is only sent to hosts that IMAGE_HOSTS names; "
                    f"add {host.host}:{host.port} to it"
                )
            return ImageUnauthorized(f"{host} {what}; {remedy}")
        project = f"project {source.project}" if source.project else "its project"
        return unauthorized(what, self._tokens.of(source.token), project)

    def _label_studio(self) -> Origin | None:
        return None if self._site is None else self._site.origin


async def get_with(
    credential: Credential | None,
    net: Net,
    url: httpx.URL,
    headers: Mapping[str, str],
    *,
    body: bool = True,
    grows: Grows | None = None,
) -> Answer:
    """The answer to a GET that shows ``credential``; once more where a refused one may be made anew.

    ``body``, ``grows``: see ``Net.send``. Raises what that does, and ImageUnauthorized.
    """
    if credential is None:
        return await net.send("GET", url, headers, body=body, grows=grows)
    header = await credential.header()
    answer = await net.send("GET", url, {**headers, "Authorization": header}, body=body, grows=grows)
    if answer.status == 401 and credential.refused(header):
        header = await credential.header()
        answer = await net.send("GET", url, {**headers, "Authorization": header}, body=body, grows=grows)
    return answer
