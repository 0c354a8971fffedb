"""One HTTP request to one checked address, with every limit on.

``imaging.web`` follows redirects, so that each target is checked. Proxies from the environment are not used:
a proxy resolves names itself, where the checks do not reach, so an operator has to name one (IMAGE_PROXY).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpcore
import httpx

from net.addresses import AllowList, ForbiddenAddress, Origin
from net.answer import Answer, inflater
from net.large_files import LARGE_FILE, Grows
from net.options import NetOptions
from net.pace import Pace
from net.resolver import Resolver, resolve
from net.retries import with_retries
from net.sockets import CheckedBackend, NoNameServer, NoSuchName
from net.tls import is_tls, tls_failed
from net.trust import authorities
from values.errors import (
    ImageForbidden,
    ImageTimeout,
    ImageTooLarge,
    ImageUnreachable,
    ServiceError,
)
from values.exhaustion import exhausted

USER_AGENT = "segment-anything-on-ray-serve"

# No bound on connections: ``host_places`` bounds them by host and project. A bound here would make requests
# of different hosts wait for each other.
_KEPT: Any = {"max_connections": None, "max_keepalive_connections": 20, "keepalive_expiry": 30}


class Net:
    """The connections through which all requests for images go.

    Errors are sentences that complete "cannot read the image of task 42: ...". They never hold query strings,
    headers, resolved addresses or bodies.
    """

    def __init__(self, options: NetOptions, allowed: AllowList, resolver: Resolver = resolve) -> None:
        # At DEBUG httpcore logs response headers, and with them signed redirect targets and cookies.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        self._options = options
        self._allowed = allowed
        self._sockets = CheckedBackend(allowed, resolver)
        context = _trust()
        self._pool = httpcore.AsyncConnectionPool(ssl_context=context, network_backend=self._sockets, **_KEPT)
        self._proxied: httpcore.AsyncConnectionPool | None = None
        if options.image_proxy is not None:
            proxy = httpx.Proxy(options.image_proxy.get_secret_value())
            self._proxied = httpcore.AsyncHTTPProxy(
                str(proxy.url), proxy_auth=proxy.raw_auth, ssl_context=context, **_KEPT
            )

    async def send(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes = b"",
        max_bytes: int | None = None,
        *,
        repeatable: bool = False,
        body: bool = True,
        grows: Grows | None = None,
    ) -> Answer:
        """One request, one answer of at most ``max_bytes`` (default: the limit of an image).

        Without ``body`` the connection is closed behind the headers, and the answer's body is empty.
        ``grows`` is awaited before more than ``LARGE_FILE`` bytes of the body are taken. ``url`` comes from
        ``net.addresses.parse_url``. A GET, or a request that is ``repeatable``, is sent again where that may
        help (see ``retries``). Raises ImageForbidden, ImageUnreachable, ImageTimeout, ImageTooLarge;
        Overloaded where the machine lacks something.
        """
        origin = Origin.of(url)

        async def ask() -> Answer:
            limit = max_bytes or self._options.max_image_bytes
            return await self._send(method, url, headers, content, limit, body, grows)

        try:
            if method == "GET" or repeatable:
                return await with_retries(ask, self._options.image_timeout_s, self._sockets.sleep)
            return await ask()
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, MemoryError) as error:
            raise self._broken(error, origin) from None
        except ForbiddenAddress as error:
            raise ImageForbidden(f"images may not come from {origin}: {error}") from None
        except httpcore.ConnectTimeout:
            seconds = self._options.connect_timeout_s
            raise ImageTimeout(f"{origin} did not accept a connection within {seconds:g} s") from None
        except httpcore.TimeoutException:
            seconds = self._options.read_timeout_s
            raise ImageTimeout(f"{origin} was silent for {seconds:g} s") from None
        except httpcore.ProxyError:
            raise ImageUnreachable(f"the proxy in IMAGE_PROXY does not connect to {origin}") from None
        except zlib.error:
            raise ImageUnreachable(f"{origin} sent an answer whose compression is broken") from None

    def _broken(self, error: Exception, origin: Origin) -> ServiceError:
        """Our error for an error of the connection."""
        if (lack := exhausted(error, "fetching images")) is not None:
            return lack
        if is_tls(error):
            return tls_failed(error, origin)
        match error:
            case NoSuchName():
                return ImageUnreachable(f"there is no host of the name {origin.host}; check the address")
            case NoNameServer():
                return ImageUnreachable(
                    f"the name {origin.host} cannot be looked up: no name server answers the machine this "
                    "service runs on; check its network, and the address"
                )
            case httpcore.ConnectError():
                whom = "the proxy in IMAGE_PROXY" if self._by_proxy(origin) else str(origin)
                return ImageUnreachable(
                    f"no connection to {whom}; check the address, and that it can be reached from the "
                    "machine this service runs on"
                )
            case _:
                return ImageUnreachable(f"{origin} broke off its answer or does not speak HTTP")

    async def _send(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes,
        max_bytes: int,
        wanted: bool,
        grows: Grows | None,
    ) -> Answer:
        # Images are compressed already; not asking for gzip keeps most servers from spending time on it.
        sent: list[tuple[bytes | str, bytes | str]] = [("Host", url.netloc), ("Accept-Encoding", "identity")]
        sent += headers.items()
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path or b"/"
        )
        timeouts = {
            "connect": self._options.connect_timeout_s,
            "read": self._options.read_timeout_s,
            "write": self._options.read_timeout_s,
        }
        pool = await self._pool_to(Origin.of(url))
        async with (
            self._begins(Origin.of(url)) as begins,
            pool.stream(
                method, target, headers=sent, content=content, extensions={"timeout": timeouts}
            ) as response,
        ):
            begins.reschedule(None)
            received = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            body = bytearray()
            if response.status == 200:
                chunks = response.aiter_stream() if wanted else _nothing()
                body = await self._body(Origin.of(url), received, chunks, max_bytes, grows)
            return Answer(response.status, received, body)

    @asynccontextmanager
    async def _begins(self, origin: Origin) -> AsyncIterator[asyncio.Timeout]:
        """Bound the time until the whole head of the answer is here, however its bytes trickle in."""
        seconds = self._options.connect_timeout_s + self._options.read_timeout_s
        try:
            async with asyncio.timeout(seconds) as begins:
                yield begins
        except TimeoutError:
            if not begins.expired():
                raise
            raise ImageTimeout(f"{origin} did not begin its answer within {seconds:g} s") from None

    async def _pool_to(self, origin: Origin) -> httpcore.AsyncConnectionPool:
        """The pool of the proxy for public hosts, else the direct one: a proxy knows no private names."""
        if self._proxied is None or not self._by_proxy(origin):
            return self._pool
        await self._sockets.check_for_proxy(origin.host, origin.port, self._options.connect_timeout_s)
        return self._proxied

    def _by_proxy(self, origin: Origin) -> bool:
        return self._proxied is not None and not self._allowed.names(origin.host, origin.port)

    async def _body(
        self,
        origin: Origin,
        headers: Mapping[str, str],
        chunks: AsyncIterator[bytes],
        max_bytes: int,
        grows: Grows | None,
    ) -> bytearray:
        """The body, counted as it comes. Content-Length is used only to refuse a body early."""
        too_large = ImageTooLarge(
            f"{origin} sends more than {max_bytes / 2**20:.3g} MiB; raise MAX_IMAGE_MIB if it should be read"
        )
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > max_bytes:
            raise too_large
        inflate = inflater(origin, headers.get("content-encoding", ""))
        body, pace = bytearray(), Pace(str(origin))
        try:
            async for chunk in chunks:
                pace.received(len(chunk))
                for piece in inflate(chunk):
                    body += piece
                    if len(body) > max_bytes:
                        raise too_large
                    if grows is not None and len(body) > LARGE_FILE:
                        await grows()
                        grows, pace = None, Pace(str(origin))  # the wait was not the host's
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError):
            # Translated here, because only connections that break before an answer are tried again.
            raise ImageUnreachable(f"{origin} broke off its answer") from None
        return body

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


def _trust() -> ssl.SSLContext:
    try:
        return authorities()
    except OSError as error:
        raise ValueError(
            "SSL_CERT_FILE or SSL_CERT_DIR names what cannot be read as certificates "
            f"({error.strerror or type(error).__name__}); name a file in PEM, or a folder of them"
        ) from None
