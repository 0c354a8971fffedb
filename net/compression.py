"""Undoing the compression of an answer in pieces of bounded size, so that a bomb is stopped by the count."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable

from net.addresses import Origin
from values.errors import ImageUnreachable

_CHUNK = 64 * 1024


def inflater(origin: Origin, encoding: str) -> Callable[[bytes], Iterable[bytes]]:
    """What undoes a Content-Encoding, piece by piece. Raises ImageUnreachable for one that is not known."""
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return lambda chunk: (chunk,)
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise ImageUnreachable(f"{origin} answers in a compression that was not asked for")
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32)

    def pieces(chunk: bytes) -> Iterable[bytes]:
        while True:
            piece = inflate.decompress(chunk, _CHUNK)
            yield piece
            chunk = inflate.unconsumed_tail
            if not chunk and len(piece) < _CHUNK:
                return

    return pieces
