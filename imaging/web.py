"""Fetching an image over HTTP: credentials, redirects, and what an answer means."""

from __future__ import annotations

import asyncio
import base64
from typing import Protocol

import httpx

from imaging.addresses import AllowList, ForbiddenUrl, Origin, join_url, parse_url
from imaging.net import Answer, Net, Resolver, resolve
from imaging.options import ImageOptions
from imaging.sources import LabelStudioFile, WebImage, serves_files
from imaging.tokens import LabelStudioTokens
from values.errors import (
    ImageForbidden,
    ImageMissing,
    ImageTimeout,
    ImageUnauthorized,
    ImageUnreachable,
)
from values.image import ImageSource

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"User-Agent": "segment-anything-on-ray-serve", "Accept": "image/*, */*;q=0.5"}


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


class Web:
    """Fetches images by HTTP. Errors complete the sentence "cannot read the image of task 42: ..."."""

    def __init__(self, options: ImageOptions, resolver: Resolver = resolve) -> None:
        self._options = options
        self._base = None if options.label_studio_url is None else parse_url(options.label_studio_url)
        self._label_studio = None if self._base is None else Origin.of(self._base)
        self._allowed = AllowList(options.image_hosts, self._label_studio)
        self._net = Net(options, self._allowed, resolver)
        self._tokens: LabelStudioTokens | None = None
        if options.label_studio_url is not None and options.label_studio_api_key is not None:
            key = options.label_studio_api_key.get_secret_value()
            self._tokens = LabelStudioTokens(options.label_studio_url, key, self._net)

    async def fetch(self, location: LabelStudioFile | WebImage, source: ImageSource) -> bytes:
        """The bytes of an image. Raises ImageMissing, ImageForbidden, ImageUnauthorized, ImageUnreachable,
        ImageTimeout or ImageTooLarge.
        """
        try:
            async with asyncio.timeout(self._options.image_timeout_s):
                return await self._fetch(location, source)
        except TimeoutError:
            host = Origin.of(location.url)
            seconds = self._options.image_timeout_s
            raise ImageTimeout(f"{host} did not send it within {seconds:g} s in all") from None
        except (ImageForbidden, ImageUnauthorized, ImageUnreachable) as error:
            raise type(error)(error.detail + self._hint(location)) from None

    async def _fetch(self, location: LabelStudioFile | WebImage, source: ImageSource) -> bytes:
        url = location.url
        credential = self._credential(location, source)
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask(url, credential)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return self._image(answer, url, source)
            target = self._target(url, answer)
            if self._is_login_page(target):
                raise self._unauthorized(url, "asks for a login", source)
            if not self._keeps_credential(url, target):
                credential = None
            url = target
        raise ImageUnreachable(f"{Origin.of(location.url)} redirects more than {MAX_REDIRECTS} times")

    async def _ask(self, url: httpx.URL, credential: Credential | None) -> Answer:
        if credential is None:
            return await self._net.send("GET", url, _HEADERS)
        header = await credential.header()
        answer = await self._net.send("GET", url, _HEADERS | {"Authorization": header})
        if answer.status == 401 and credential.refused(header):
            header = await credential.header()
            answer = await self._net.send("GET", url, _HEADERS | {"Authorization": header})
        return answer

    def _credential(self, location: LabelStudioFile | WebImage, source: ImageSource) -> Credential | None:
        """What the first address is asked with; no later address is ever given a credential of its own."""
        if isinstance(location, LabelStudioFile):
            return self._tokens
        if source.login and self._may_see_login(location.url):
            return BasicAuth(source.login, source.password or "")
        return None

    def _may_see_login(self, url: httpx.URL) -> bool:
        """Only hosts that IMAGE_HOSTS names: else a task naming some public host would carry it there."""
        origin = Origin.of(url)
        return origin != self._label_studio and self._allowed.names(origin.host, origin.port)

    def _keeps_credential(self, url: httpx.URL, target: httpx.URL) -> bool:
        if Origin.of(target) != Origin.of(url):
            return False
        return Origin.of(url) != self._label_studio or self._base is None or serves_files(target, self._base)

    def _target(self, url: httpx.URL, answer: Answer) -> httpx.URL:
        try:
            return join_url(url, answer.headers["location"])
        except ForbiddenUrl as error:
            raise ImageForbidden(
                f"images may not come from where {Origin.of(url)} redirects: {error}"
            ) from None

    def _is_login_page(self, url: httpx.URL) -> bool:
        if self._base is None or Origin.of(url) != self._label_studio:
            return False
        return url.path.startswith(self._base.path.rstrip("/") + "/user/login")

    def _image(self, answer: Answer, url: httpx.URL, source: ImageSource) -> bytes:
        host = Origin.of(url)
        match answer.status:
            case 200:
                return answer.body
            case 401 | 403:
                raise self._unauthorized(url, f"answered {answer.status}", source)
            case 404 | 410:
                raise ImageMissing(f"{self._name(host)} has no such image (it answered {answer.status})")
            case 500 if host == self._label_studio and "/data/upload/" in url.path:
                raise ImageMissing(
                    f"{self._name(host)} answered 500, as it does for an upload it does not have"
                )
            case _:
                raise ImageUnreachable(f"{self._name(host)} answered {answer.status}")

    def _unauthorized(self, url: httpx.URL, what: str, source: ImageSource) -> ImageUnauthorized:
        host = Origin.of(url)
        if host != self._label_studio:
            remedy = "if its address was signed, the signature may have expired"
            if source.login and not self._may_see_login(url):
                remedy = (
                    "the project's task-data login is only sent to hosts that IMAGE_HOSTS names; "
                    f"add {host.host}:{host.port} to it"
                )
            return ImageUnauthorized(f"{host} {what}; {remedy}")
        project = f"project {source.project}" if source.project else "its project"
        if self._tokens is None:
            remedy = f"set LABEL_STUDIO_API_KEY to a token that may read {project}"
        elif self._tokens.personal:
            what += " to the personal access token in LABEL_STUDIO_API_KEY"
            remedy = f"use one of a user who may read {project}"
        else:
            what += " to the legacy token in LABEL_STUDIO_API_KEY"
            remedy = (
                "legacy tokens are off unless an administrator enables them: use a personal access token of "
                f"a user who may read {project}"
            )
        return ImageUnauthorized(f"Label Studio {what}; {remedy}")

    def _name(self, origin: Origin) -> str:
        return f"Label Studio at {origin}" if origin == self._label_studio else str(origin)

    def _hint(self, location: LabelStudioFile | WebImage) -> str:
        """Label Studio writes local files with the host of its own LABEL_STUDIO_HOST, which is often not
        the name that this service knows it by.
        """
        path = location.url.path
        if isinstance(location, WebImage) and ("/data/local-files" in path or "/data/upload/" in path):
            return (
                "; if that is Label Studio, give LABEL_STUDIO_URL here and LABEL_STUDIO_HOST there the same "
                "address, one that both sides can reach"
            )
        return ""

    async def aclose(self) -> None:
        """Close all connections."""
        await self._net.aclose()
