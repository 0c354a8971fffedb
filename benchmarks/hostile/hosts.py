"""Hostile hosts of images, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a host does after it has read a request. The connection is closed afterwards."""

PROMISED = 1_000_000
DRIP_S = 1.0


async def dripping(writer: asyncio.StreamWriter) -> None:
    """Sends headers at once, then a byte a second."""
    writer.write(_head(PROMISED))
    while True:
        writer.write(b"\xff")
        await writer.drain()
        await asyncio.sleep(DRIP_S)


async def silent(writer: asyncio.StreamWriter) -> None:
    """Reads the request and never answers."""
    await asyncio.Event().wait()


def sending(content: bytes) -> Answer:
    """An honest answer with this content."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(len(content)) + content)
        await writer.drain()

    return send


@contextlib.asynccontextmanager
async def hosts(count: int, answer: Answer) -> AsyncIterator[list[str]]:
    """The addresses of ``count`` hosts that all answer alike; each is another address of this machine."""
    addresses = [
        f"127.1.{high}.{low}" for high, low in itertools.islice(_numbers(), count)
    ]  # on Linux all of 127.0.0.0/8 is this machine
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            # Cancelling is how each connection ends; without this asyncio prints a traceback for each.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await reader.readuntil(b"\r\n\r\n")
                await answer(writer)
        finally:
            connections.discard(task)
            writer.close()

    servers = [await asyncio.start_server(serve, address, 0) for address in addresses]
    try:
        yield ["http://{}:{}".format(*server.sockets[0].getsockname()) for server in servers]
    finally:
        for server in servers:
            server.close()
        for connection in list(connections):
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def _numbers() -> itertools.product[tuple[int, int]]:
    return itertools.product(range(256), range(1, 255))


def _head(length: int) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
