"""Fetching an image over HTTP: credentials, redirects, and the meaning of an answer."""

from __future__ import annotations

import asyncio

import httpx

from concurrency.priority_slots import Urgency
from imaging.options import ImageOptions
from label_studio.credentials import Credentials, get_with
from label_studio.site import Site, handed_out
from net.addresses import AllowList, ForbiddenUrl, Origin
from net.answer import Answer, target_of
from net.host_places import HostPlaces
from net.large_files import Grows
from net.resolver import Resolver, resolve
from net.transport import USER_AGENT, Net
from values import evidence
from values.errors import (
    ImageForbidden,
    ImageMissing,
    ImageTimeout,
    ImageUnauthorized,
    ImageUnreachable,
)
from values.evidence import Found
from values.image import ImageSource
from values.locations import LabelStudioFile, WebImage

MAX_REDIRECTS = 5
_HEADERS = {"User-Agent": USER_AGENT, "Accept": "image/*, */*;q=0.5"}


class Web:
    """Fetches images by HTTP. Errors complete the sentence "cannot read the image of task 42: ..."."""

    def __init__(
        self, options: ImageOptions, resolver: Resolver = resolve, hosts: HostPlaces | None = None
    ) -> None:
        self._options = options
        self._hosts = hosts or HostPlaces()
        self._site = Site.of(options)
        self._label_studio = None if self._site is None else self._site.origin
        self._allowed = AllowList(options.image_hosts, self._label_studio)
        self._net = Net(options, self._allowed, resolver)
        self._credentials = Credentials(options, self._site, self._allowed, self._net)

    async def fetch(
        self,
        location: LabelStudioFile | WebImage,
        source: ImageSource,
        *,
        content: bool = True,
        urgency: bool | Urgency = True,
        grows: Grows | None = None,
    ) -> Found:
        """An image: its bytes and evidence.

        Without ``content`` the same request is sent, and the connection is closed behind the headers of the
        last answer: many hosts refuse HEAD, addresses are signed for GET alone, and some hosts answer a range
        with another ETag. Raises ImageMissing, ImageForbidden, ImageUnauthorized, ImageUnreachable,
        ImageTimeout or ImageTooLarge; Overloaded where too many requests wait for the host.
        """
        try:
            async with asyncio.timeout(self._options.image_timeout_s):
                return await self._fetch(location, source, content, urgency, grows)
        except TimeoutError:
            host = Origin.of(location.url)
            seconds = self._options.image_timeout_s
            raise ImageTimeout(f"{host} did not send it within {seconds:g} s in all") from None
        except (ImageForbidden, ImageUnauthorized, ImageUnreachable) as error:
            raise type(error)(error.detail + self._hint(location)) from None

    async def _fetch(
        self,
        location: LabelStudioFile | WebImage,
        source: ImageSource,
        body: bool,
        urgency: bool | Urgency,
        grows: Grows | None,
    ) -> Found:
        url = location.url
        credential = self._credentials.of(location, source)
        for _ in range(MAX_REDIRECTS + 1):
            # A place at each host on the way, so that a host that redirects is not blamed for one that
            # stalls.
            async with self._hosts.at(str(Origin.of(url)), source.project, urgency):
                answer = await get_with(credential, self._net, url, _HEADERS, body=body, grows=grows)
            target = self._target(url, answer)
            if target is None:
                return self._image(answer, url, source)
            if self._is_login_page(target):
                raise self._credentials.refused(url, "asks for a login", source)
            if not self._keeps_credential(url, target):
                credential = None
            url = target
        raise ImageUnreachable(f"{Origin.of(location.url)} redirects more than {MAX_REDIRECTS} times")

    def _keeps_credential(self, url: httpx.URL, target: httpx.URL) -> bool:
        """Whether the credential goes along to the next address: only to the same origin, and in Label Studio
        only to routes that serve files."""
        if Origin.of(target) != Origin.of(url):
            return False
        return self._site is None or Origin.of(url) != self._site.origin or self._site.serves(target)

    def _target(self, url: httpx.URL, answer: Answer) -> httpx.URL | None:
        try:
            return target_of(answer, url)
        except ForbiddenUrl as error:
            raise ImageForbidden(
                f"images may not come from where {Origin.of(url)} redirects: {error}"
            ) from None

    def _is_login_page(self, url: httpx.URL) -> bool:
        return Origin.of(url) == self._label_studio and "/user/login" in url.path

    def _image(self, answer: Answer, url: httpx.URL, source: ImageSource) -> Found:
        host = Origin.of(url)
        match answer.status:
            case 200:
                return Found(answer.body, evidence.of_headers(answer.headers))
            case 401 | 403:
                raise self._credentials.refused(url, f"answered {answer.status}", source)
            case 404 | 410:
                raise ImageMissing(
                    f"{self._name(host)} has no such image (it answered {answer.status}){_of_storage(url)}"
                )
            case 500 if host == self._label_studio and "/data/upload/" in url.path:
                raise ImageMissing(
                    f"{self._name(host)} answered 500, as it does for an upload it does not have"
                )
            case _:
                raise ImageUnreachable(f"{self._name(host)} answered {answer.status}{_of_storage(url)}")

    def _name(self, origin: Origin) -> str:
        return f"Label Studio at {origin}" if origin == self._label_studio else str(origin)

    def _hint(self, location: LabelStudioFile | WebImage) -> str:
        """A hint to append to the error for an address of this kind."""
        path = location.url.path
        if isinstance(location, WebImage) and ("/data/local-files" in path or "/data/upload/" in path):
            # Label Studio writes local files with the host of its own LABEL_STUDIO_HOST, which is often not
            # the name that this service knows it by.
            if self._site is None:
                return "; if that is Label Studio, set LABEL_STUDIO_URL to its address"
            address = Origin.of(location.url)
            return f"; if that is Label Studio by another name, add {address} to LABEL_STUDIO_ALIASES"
        return ""

    async def aclose(self) -> None:
        """Close all connections."""
        await self._net.aclose()


def _of_storage(url: httpx.URL) -> str:
    """A hint to append where Label Studio does not hand out an object of a cloud storage."""
    if handed_out(url) is None:
        return ""
    return (
        "; it is in a cloud storage: check that it is still there and that its storage is connected to the "
        "project in Label Studio, or name its bucket in IMAGE_STORES to read it directly"
    )
