"""Hosts of images that do not want to be of use, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a host does after it has read a request; the connection is closed behind it."""

PROMISED = 1_000_000
DRIP_S = 1.0


async def dripping(writer: asyncio.StreamWriter) -> None:
    """Headers at once, then a byte a second."""
    writer.write(_head(PROMISED))
    while True:
        writer.write(b"\xff")
        await writer.drain()
        await asyncio.sleep(DRIP_S)


async def silent(writer: asyncio.StreamWriter) -> None:
    """Takes the request, and says nothing."""
    await asyncio.Event().wait()


def sending(content: bytes) -> Answer:
    """A host that sends a file as a good one does."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(_head(len(content)) + content)
        await writer.drain()

    return send


@contextlib.asynccontextmanager
async def hosts(count: int, answer: Answer) -> AsyncIterator[list[str]]:
    """The addresses of ``count`` hosts that all do the same; each is another address of this machine."""
    addresses = [
        f"127.1.{high}.{low}" for high, low in itertools.islice(_numbers(), count)
    ]  # on Linux all of 127.0.0.0/8 is this machine
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            # To be cancelled is how it ends; asyncio would print a traceback for each.
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
