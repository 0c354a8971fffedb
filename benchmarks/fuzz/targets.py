"""Where requests go: to an application in this process, or to a running one over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from benchmarks.fuzz.graph import Graph
from benchmarks.fuzz.requests import PASSWORD, USER, Request

ROUTES = (
    "/",
    "/health",
    "/setup",
    "/predict",
    "/embed",
    "/preannotate",
    "/phrases",
    "/forget",
    "/webhook",
    "/versions",
    "/metrics",
    "/diagnose",
    "/playground",
    "/docs",
    "/pages/{name:path}",
    "/openapi.json",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``status`` 0: nothing, as expected after a client has left or sent something not
    HTTP."""

    status: int
    content_type: str
    content: bytes


class Target(Protocol):
    """Answers requests."""

    @property
    def routes(self) -> Sequence[str]:
        """The paths that it has."""

    async def send(self, request: Request) -> Answer:
        """The answer. Raises whatever the application raises."""

    def __enter__(self) -> Target:
        """Prepare for the first request."""

    def __exit__(self, *_: object) -> None:
        """Clean up after the last request."""

    async def settle(self) -> None:
        """Wait for work that goes on after answers."""

    def unforeseen(self) -> str:
        """The traceback of an unforeseen error since the last call; "" if there was none."""


class _Unforeseen(logging.Handler):
    """Keeps the last log line that came with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.last = f"{record.getMessage()}: {record.exc_info[1]!r}"[:300]


class InProcess:
    """The real ingress in front of honest fakes. One request in four goes to an ingress with basic auth."""

    def __init__(self) -> None:
        self._graph = Graph()
        auth = {"basic_auth_user": USER, "basic_auth_pass": PASSWORD}
        self._ingresses = [self._graph.ingress(), self._graph.ingress(**auth)]
        self._apps: list[Any] = [one.__serve_build_asgi_app__() for one in self._ingresses]
        self._unforeseen = _Unforeseen()
        self._logger = logging.getLogger("ray.serve")
        self._logs = self._logger.handlers[:], self._logger.propagate
        self.routes = sorted({route.path for route in self._apps[0].routes})

    def __enter__(self) -> InProcess:
        """Take over the log, so that its line for each refusal is not printed."""
        self._logger.handlers[:], self._logger.propagate = [self._unforeseen], False
        return self

    def __exit__(self, *_: object) -> None:
        """Give the log back."""
        self._logger.handlers[:], self._logger.propagate = self._logs

    async def send(self, request: Request) -> Answer:
        """The answer of the application to an ASGI request."""
        messages = [
            {
                "type": "http.request",
                "body": chunk,
                "more_body": number < len(request.chunks) - 1 or request.leaves,
            }
            for number, chunk in enumerate(request.chunks)
        ]
        left = asyncio.Event()
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            if not request.leaves:
                await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        app = self._apps[request.number % 4 == 3]
        await app(_scope(request), receive, send)
        nothing: dict[str, Any] = {"status": 0, "headers": []}
        head = next((one for one in sent if one["type"] == "http.response.start"), nothing)
        types = [
            value.decode("latin-1") for name, value in head["headers"] if name.lower() == b"content-type"
        ]
        content = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
        return Answer(head["status"], ",".join(types), content)

    def unforeseen(self) -> str:
        """The last line of the log with a traceback, since the last call."""
        last, self._unforeseen.last = self._unforeseen.last, ""
        return last

    async def settle(self) -> None:
        """Wait for what was started in the background, and forget what the fakes remember."""
        for ingress in self._ingresses:
            await ingress.warming.background.drain()
            await ingress.reporter.background.drain()
        self._graph.forget()


def _scope(request: Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.verb,
        "scheme": "http",
        "path": request.path,
        "raw_path": quote(request.path).encode(),
        "root_path": "",
        "query_string": request.query,
        "headers": list(request.headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 9090),
        "state": {},
    }


class OverHttp:
    """A running application at an address of this machine, with a connection for each request.

    Declared lengths are true here. Bodies that never end are a question of time: see benchmarks.hostile.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError(f"{address} is not http:// on this machine; nothing else is fuzzed")
        self._host, self._port = parts.hostname, parts.port or 80
        self.routes = ROUTES

    def __enter__(self) -> OverHttp:
        """Do nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing at the end."""

    async def send(self, request: Request) -> Answer:
        """The answer over HTTP."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(_wire(request))
            if request.leaves:
                return Answer(0, "", b"")
            try:
                return _read(await reader.read())
            except ConnectionError:
                return Answer(0, "", b"")
        finally:
            writer.close()

    async def settle(self) -> None:
        """Return at once, because nothing here can be waited for."""

    def unforeseen(self) -> str:
        """Nothing, because the log is elsewhere."""
        return ""


_FRAMING = {b"connection", b"upgrade", b"expect", b"content-length", b"transfer-encoding"}


def _wire(request: Request) -> bytes:
    content = b"".join(request.chunks)
    query = b"?" + request.query if request.query else b""
    lines = [request.verb.encode() + b" " + quote(request.path or "/").encode() + query + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in request.headers if name not in _FRAMING]
    lines.append(b"content-length: " + str(len(content)).encode())
    return b"\r\n".join([*lines, b"connection: close", b"", b""]) + content


def _read(wire: bytes) -> Answer:
    head, _, content = wire.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split()
    if len(words) < 2 or not words[1].isdigit():
        return Answer(0, "", wire)
    fields = dict(line.lower().partition(b": ")[::2] for line in lines)
    if fields.get(b"transfer-encoding") == b"chunked":
        content = _unchunked(content)
    status, kind = int(words[1]), fields.get(b"content-type", b"").decode("latin-1")
    # The servers in front refuse what is not HTTP, in their own words.
    return Answer(status, kind, content if "json" in kind or not 400 <= status < 500 else b"")


def _unchunked(content: bytes) -> bytes:
    whole = b""
    while content:
        size, _, content = content.partition(b"\r\n")
        length = int(size or b"0", 16)
        if not length:
            break
        whole, content = whole + content[:length], content[length + 2 :]
    return whole
