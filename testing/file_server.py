"""A real HTTP server on loopback that serves one file, as a good server or as a faulty one."""

from __future__ import annotations

import gzip
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; ``host`` is the server."""

    protocol_version = "HTTP/1.1"
    host: Server

    def do_GET(self) -> None:
        self.host.answer(self)

    def do_HEAD(self) -> None:
        self.host.answer(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        pass

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Status, headers (named with _ for -) and body; Content-Length is the body's unless given."""
        self.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in ({"Content-Length": str(len(body))} | given | {"Connection": "close"}).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(body)


Reply = Callable[[Exchange], None]


class Server:
    """Answers with the first of ``replies``, and with the last of them for ever; keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[Request] = []
        self.replies = deque(replies)
        self.closing = threading.Event()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        handler = type("_Exchange", (Exchange,), {"host": self})
        self._http = _Http(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, exchange: Exchange) -> None:
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        with self._lock:
            self.requests.append(Request(exchange.command, exchange.path, headers))
            reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        reply(exchange)

    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [request.headers.get("range") for request in self.requests]


class _Http(ThreadingHTTPServer):
    # Closing waits for the threads, because a socket must not outlive its test.
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing, because clients that hang up are part of the tests."""


def ranges(content: bytes, etag: str = '"1"', **headers: str) -> Reply:
    """A good server, which sends the whole file, or the rest of it if the client asks for the same
    version."""

    def reply(exchange: Exchange) -> None:
        asked = exchange.headers.get("Range")
        same = exchange.headers.get("If-Range") in (None, etag, headers.get("Last_Modified"))
        if asked is None or not same:
            exchange.say(200, content, ETag=etag, **headers)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        exchange.say(206, content[start:], ETag=etag, Content_Range=span, **headers)

    return reply


def said(status: int, body: bytes = b"", **headers: str) -> Reply:
    """The same answer whatever is asked."""
    return lambda exchange: exchange.say(status, body, **headers)


def cut(content: bytes, after: int, etag: str = '"1"') -> Reply:
    """Announces the whole file, sends ``after`` bytes of it and hangs up."""
    return said(200, content[:after], Content_Length=str(len(content)), ETag=etag)


def stalling(content: bytes, after: int, etag: str = '"1"') -> Reply:
    """As ``cut``, but keeps the connection open and silent."""

    def reply(exchange: Exchange) -> None:
        cut(content, after, etag)(exchange)
        exchange.wfile.flush()
        exchange.host.closing.wait()

    return reply


def dripping(content: bytes, after: int) -> Reply:
    """Sends ``after`` bytes, then one byte at a time with pauses too short to count as silence."""

    def reply(exchange: Exchange) -> None:
        cut(content, after)(exchange)
        for byte in content[after:]:
            if exchange.host.closing.wait(0.01):
                return
            exchange.wfile.write(bytes([byte]))

    return reply


def gzipped(content: bytes) -> Reply:
    """Compresses although the client asked for no compression."""
    return said(200, gzip.compress(content), Content_Encoding="gzip", ETag='"1"')


def held(gate: threading.Event, reply: Reply, asked: threading.Event | None = None) -> Reply:
    """Waits for the gate, then sends ``reply``. ``asked`` is set when a request waits."""

    def wait(exchange: Exchange) -> None:
        if asked is not None:
            asked.set()
        gate.wait()
        reply(exchange)

    return wait
