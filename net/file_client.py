"""A client of HTTP servers that give away files, as the publishers of checkpoints do.

It trusts the addresses that it is given, and uses the proxies of the environment. The addresses of images may
be written by anybody, into a task, so images go through ``net.transport``.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from net.trust import authorities
from values.errors import ModelError

# httpx would log whole URLs, whose queries may hold a token.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_S = 10.0
STALL_S = 30.0
MAX_REDIRECTS = 10

# A compressed answer cannot be resumed, and its length says nothing of the file's.
_HEADERS = {
    "User-Agent": "segment-anything-on-ray-serve",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


class NoAnswer(Exception):
    """The server does not answer, or not to the end. The text says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """An answer after redirects.

    ``headers`` have lower-case names. ``chunks``: the body, decompressed, as it comes. Raises ``NoAnswer``.
    """

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class FileClient:
    """Asks for files. As a context, it closes its connections at the end."""

    def __init__(
        self,
        *,
        connect_s: float = CONNECT_S,
        stall_s: float = STALL_S,
        slowest: int = 0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``connect_s``: most seconds for a connection. ``stall_s``: most seconds without a byte, or with
        fewer than ``slowest`` bytes a second. ``transport``: what sends in place of sockets.

        Raises ``values.errors.ModelError`` when the environment names a proxy or certificates that are none.
        """
        self._stall_s = stall_s
        self._least = slowest * stall_s
        timeout = httpx.Timeout(stall_s, connect=connect_s)
        try:
            self._client = httpx.Client(
                headers=_HEADERS,
                timeout=timeout,
                verify=authorities(),
                trust_env=True,
                transport=transport,
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
            raise ModelError(
                "cannot download with the proxy or certificates of the environment "
                f"({type(error).__name__}); check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, "
                "SSL_CERT_FILE and SSL_CERT_DIR"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    @contextlib.contextmanager
    def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Iterator[FileAnswer]:
        """The answer, whose connection is closed at the end of the context.

        Raises ``NoAnswer``, and ``values.errors.ModelError`` for an address that may not be asked.
        """
        try:
            response = self._send(method, url, dict(headers or {}))
        except httpx.HTTPError as error:
            raise NoAnswer(_reason(error)) from None
        with contextlib.closing(response):
            yield FileAnswer(response.status_code, dict(response.headers.items()), self._chunks(response))

    def _send(self, method: str, url: str, headers: dict[str, str]) -> httpx.Response:
        """The answer after redirects. Its body has not been read."""
        try:
            request = self._client.build_request(method, url, headers=headers)
            if not _usable(request.url):
                raise ModelError(f"{shown(url)} is no http or https URL of a file; correct it")
            for _ in range(MAX_REDIRECTS + 1):
                response = self._client.send(request, stream=True)
                following = response.next_request
                if following is None:
                    return response
                response.close()
                _permit(request.url, following.url)
                request = following
        except (httpx.InvalidURL, UnicodeError):
            raise ModelError(f"{shown(url)} is, or redirects to, no valid URL; correct it") from None
        raise ModelError(f"{shown(url)} redirects more than {MAX_REDIRECTS} times; check the address")

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        """The body; ends with ``NoAnswer`` where a server sends so little that it would take for ever."""
        since, received = time.monotonic(), 0
        try:
            for chunk in response.iter_bytes():
                yield chunk
                received += len(chunk)
                now = time.monotonic()
                if now - since >= self._stall_s:
                    if received < self._least:
                        raise NoAnswer("it sends next to nothing")
                    since, received = now, 0
        except httpx.HTTPError as error:
            raise NoAnswer(_reason(error)) from None


def shown(url: str) -> str:
    """The URL for a sentence: without login, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _usable(url: httpx.URL) -> bool:
    return url.scheme in ("http", "https") and bool(url.host) and (url.port or 0) < 65536


def _permit(old: httpx.URL, new: httpx.URL) -> None:
    """Raises ``values.errors.ModelError`` for a redirect that leaves TLS, or HTTP altogether."""
    if _usable(new) and not (old.scheme == "https" and new.scheme == "http"):
        return
    raise ModelError(
        f"{shown(str(old))} redirects to {shown(str(new))}, which is no https address; "
        "use another mirror, or another network if a login page is in between"
    )


def _reason(error: httpx.HTTPError) -> str:
    """Why there is no answer, as the end of a sentence."""
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.TimeoutException):
        return "it stopped sending"
    if isinstance(error, httpx.ProxyError):
        return f"the proxy does not let it pass ({error})"
    if isinstance(error, httpx.ConnectError):
        return f"no connection ({error})"
    if isinstance(error, httpx.DecodingError):
        return "its compressed answer is damaged"
    return "the connection broke"
