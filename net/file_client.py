"""How files are asked for over HTTP: clients, redirects, and what is said of addresses and failures."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import httpx

from values.errors import ModelError

# It would log whole URLs, and what stands in a query may be a token.
logging.getLogger("httpx").setLevel(logging.WARNING)

CONNECT_S = 10.0
MAX_REDIRECTS = 10

# Compressed answers could not be resumed, nor their length checked.
_HEADERS = {
    "User-Agent": "segment-anything-on-ray-serve",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


def open_client(*, connect_s: float, stall_s: float) -> httpx.Client:
    """A client that connects, and waits for each next bytes, so long; through the proxies of the environment.

    Raises ``values.errors.ModelError`` when the environment names a proxy or certificates that are none.
    """
    timeout = httpx.Timeout(stall_s, connect=connect_s)
    try:
        return httpx.Client(headers=_HEADERS, timeout=timeout, trust_env=True)
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise ModelError(
            f"cannot download with the proxy or certificates of the environment ({type(error).__name__}); "
            "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        ) from None


def send(client: httpx.Client, method: str, url: str, headers: dict[str, str]) -> httpx.Response:
    """The answer after redirects, its body not read yet: the caller closes it.

    Raises ``values.errors.ModelError`` for an address that may not be asked and
    ``httpx.HTTPError`` for failures on the way.
    """
    try:
        request = client.build_request(method, url, headers=headers)
        if not _usable(request.url):
            raise ModelError(f"{shown(url)} is no http or https URL of a file; correct it")
        for _ in range(MAX_REDIRECTS + 1):
            response = client.send(request, stream=True)
            following = response.next_request
            if following is None:
                return response
            response.close()
            _permit(request.url, following.url)
            request = following
    except (httpx.InvalidURL, UnicodeError):
        raise ModelError(f"{shown(url)} is, or redirects to, no valid URL; correct it") from None
    raise ModelError(f"{shown(url)} redirects more than {MAX_REDIRECTS} times; check the address")


def _usable(url: httpx.URL) -> bool:
    return url.scheme in ("http", "https") and bool(url.host) and (url.port or 0) < 65536


def _permit(old: httpx.URL, new: httpx.URL) -> None:
    """Refuse what a redirect must not do: leave TLS, or HTTP altogether."""
    if _usable(new) and not (old.scheme == "https" and new.scheme == "http"):
        return
    raise ModelError(
        f"{shown(str(old))} redirects to {shown(str(new))}, which is no https address; "
        "use another mirror, or another network if a login page is in between"
    )


def shown(url: str) -> str:
    """The URL as sentences may show it: without login, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the address"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def reason(error: httpx.HTTPError) -> str:
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
