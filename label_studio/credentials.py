"""What an image's host is shown of credentials, and what to say when it does not like them."""

from __future__ import annotations

import base64
from collections import OrderedDict
from typing import Protocol

import httpx

from label_studio.options import LabelStudioOptions
from label_studio.site import Site
from label_studio.tokens import LabelStudioTokens
from net.addresses import AllowList, Origin
from net.transport import Net
from values.errors import ImageUnauthorized
from values.image import ImageSource
from values.locations import LabelStudioFile, WebImage

MAX_OFFERED = 100
"""Tokens that came with /setup and whose state is kept."""


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
        self._net = net
        key = options.label_studio_api_key
        self._configured = None if key is None else self._make_tokens(key.get_secret_value())
        self._offered: OrderedDict[str, LabelStudioTokens] = OrderedDict()

    def of(self, location: LabelStudioFile | WebImage, source: ImageSource) -> Credential | None:
        """What the first address is asked with; no later address is ever given a credential of its own."""
        if isinstance(location, LabelStudioFile):
            return self._tokens(source)
        if source.login and self._may_see_login(location.url):
            return BasicAuth(source.login, source.password or "")
        return None

    def _tokens(self, source: ImageSource) -> LabelStudioTokens | None:
        """The token of the settings, else the one that came for this project with /setup, else None."""
        if self._configured is not None or source.token is None:
            return self._configured
        if source.token not in self._offered:
            place = "that Label Studio sent with /setup (USE_SETUP_TOKEN)"
            tokens = self._make_tokens(source.token, place)
            if tokens is None:
                return None
            self._offered[source.token] = tokens
        self._offered.move_to_end(source.token)
        while len(self._offered) > MAX_OFFERED:
            self._offered.popitem(last=False)
        return self._offered[source.token]

    def _make_tokens(self, key: str, place: str = "in LABEL_STUDIO_API_KEY") -> LabelStudioTokens | None:
        if self._site is None:
            return None
        return LabelStudioTokens(self._site.url("/api/token/refresh/"), key, self._net, place=place)

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
        tokens = self._tokens(source)
        if tokens is None:
            remedy = f"set LABEL_STUDIO_API_KEY to a token that may read {project}"
        elif tokens.personal:
            what += f" to the {tokens.kind}"
            remedy = f"use one of a user who may read {project}"
        else:
            what += f" to the {tokens.kind}"
            remedy = (
                "legacy tokens are off unless an administrator enables them: use a personal access token of "
                f"a user who may read {project}"
            )
        return ImageUnauthorized(f"Label Studio {what}; {remedy}")

    def _label_studio(self) -> Origin | None:
        return None if self._site is None else self._site.origin
