"""A real uvicorn, as Serve starts it, with a time for the head of a request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http import auto
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from deployments.http import head_timeout
from deployments.http.head_timeout import time_out_heads

WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(params=[H11Protocol, HttpToolsProtocol])
async def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(auto, "AutoHTTPProtocol", request.param)
    monkeypatch.setattr(head_timeout, "HEAD_S", 0.2)
    time_out_heads()
    time_out_heads()  # each server of a process asks for it
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_level=None, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.001)
        assert config.http_protocol_class is auto.AutoHTTPProtocol
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(30):
            yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("unfinished", [b"", b"GET / HT", WHOLE[:-2]])
async def test_a_head_that_does_not_come_ends_the_connection(port: int, unfinished: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(unfinished)
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_a_second_one_that_does_not_come_does_too(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(WHOLE)
        await reader.readuntil(b"ok")
        writer.write(WHOLE[:-2])
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_waits_for_its_next_request_stays(port: int) -> None:
    async with connected(port) as (reader, writer), connected(port) as (stalled, _):
        writer.write(WHOLE)
        await reader.readuntil(b"ok")
        await stalled.read()  # the time for a head is over, one of the same age
        writer.write(WHOLE)
        assert await reader.readuntil(b"ok")
