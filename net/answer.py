"""An answer over HTTP: undoing its compression, and where it redirects to.

Compression is undone in pieces of bounded size, so that a bomb is stopped by the count. Whoever asked decides
whether a redirect is followed: it may lead to another host.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import httpx

from net.addresses import Origin, join_url
from values.errors import ImageUnreachable
from values.evidence import Content

_CHUNK = 64 * 1024
_STATUSES = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. ``headers`` have lower-case names; ``body`` is decompressed, b"" unless 200."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Content = field(repr=False)


def inflater(origin: Origin, encoding: str) -> Callable[[bytes], Iterable[bytes]]:
    """What undoes a Content-Encoding, piece by piece. Raises ImageUnreachable for one that is not known."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return lambda chunk: (chunk,)
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise ImageUnreachable(f"{origin} answers with a compression that was not requested")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)

    def pieces(chunk: bytes) -> Iterable[bytes]:
        while True:
            piece = inflate.decompress(chunk, _CHUNK)
            yield piece
            chunk = inflate.unconsumed_tail
            if not chunk and len(piece) < _CHUNK:
                return

    return pieces


def target_of(answer: Answer, url: httpx.URL) -> httpx.URL | None:
    """Where the answer of ``url`` redirects to, None where it does not. Raises ``ForbiddenUrl``."""
    if answer.status not in _STATUSES or "location" not in answer.headers:
        return None
    return join_url(url, answer.headers["location"])


def without_query(url: httpx.URL) -> str:
    """An address as a sentence may name it: what a query holds may be a secret."""
    return f"{Origin.of(url)}{url.path}"
