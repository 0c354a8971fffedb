"""Small real HTTP servers on loopback: one does what a test says, one behaves as Label Studio."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from testing.canary import CANARY, WATCH


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def text(self) -> str:
        """All of it, to be searched."""
        return f"{self.method} {self.target} {self.headers} {self.body.decode('latin-1')}"


Handler = Callable[[Request, asyncio.StreamWriter], Coroutine[None, None, None]]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Handler:
    """A handler with one whole answer; header names with _ for -."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        lines = {"content-length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)
        await writer.drain()

    return handle


class Server:
    """Keeps what it was asked in ``requests`` and answers by path from ``routes``, else with 404.

    ``may_see_secrets`` is for one that stands for Label Studio, or for a host that a login is meant for: a
    secret sent to any other fails the test.
    """

    may_see_secrets = False

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.routes: dict[str, Handler] = {}
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if not self.may_see_secrets:
            for request in self.requests:
                WATCH.look(request.text(), f"a request to {self.url}, which is not Label Studio")

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(method, target, headers, body)
                self.requests.append(request)
                await self.handle(request, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await self.routes.get(request.path, answer(404))(request, writer)


class FakeResolver:
    """Answers each name with the next of its answers, the last one for ever; counts the questions."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self._answers.get(host, [[host]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


def jwt(**claims: object) -> str:
    """A token of a JWT's shape, with the canary for its signature, which nobody here checks."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{CANARY}"


class LabelStudio(Server):
    """Serves files to whom Label Studio 1.23 would serve them, by the table of its two token kinds.

    ``Token <legacy>`` opens files when legacy tokens are enabled, ``Bearer <access>`` always, and everything
    else is answered 401.
    """

    may_see_secrets = True

    def __init__(self, *, legacy: bool = False, prefix: str = "", life_s: int = 300) -> None:
        super().__init__()
        self.legacy_enabled = legacy
        self.legacy_token = CANARY
        self.personal_token = jwt(token_type="refresh", exp=4_102_444_800, jti=f"personal {CANARY}")
        self.files: dict[str, bytes] = {}
        self.prefix = prefix
        self.life_s = life_s
        self.refreshes = 0
        self.hold_refresh = asyncio.Event()
        self.hold_refresh.set()
        self._access: set[str] = set()

    @property
    def address(self) -> str:
        """What LABEL_STUDIO_URL would be."""
        return self.url + self.prefix

    def forget_access_tokens(self) -> None:
        """As after a restart with another secret key."""
        self._access.clear()

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == f"{self.prefix}/api/token/refresh/":
            await self._refresh(request, writer)
            return
        authorization = request.headers.get("authorization", "")
        kind, _, token = authorization.partition(" ")
        by_legacy = kind == "Token" and token == self.legacy_token and self.legacy_enabled
        if not (by_legacy or (kind == "Bearer" and token in self._access)):
            await answer(401, b'{"detail": "Authentication credentials were not provided."}')(request, writer)
            return
        named = parse_qs(urlsplit(request.target).query).get("d")
        path = unquote(request.path).removeprefix(self.prefix)
        content = self.files.get(f"{path}?d={named[0]}" if named else path)
        handler = answer(404) if content is None else answer(200, content, content_type="image/png")
        await self.routes.get(request.path, handler)(request, writer)

    async def _refresh(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await self.hold_refresh.wait()
        self.refreshes += 1
        if request.method != "POST" or json.loads(request.body) != {"refresh": self.personal_token}:
            await answer(401, b'{"detail": "Token is invalid", "code": "token_not_valid"}')(request, writer)
            return
        now = int(time.time())
        access = jwt(token_type="access", iat=now, exp=now + self.life_s, jti=f"{self.refreshes} {CANARY}")
        self._access.add(access)
        await answer(200, json.dumps({"access": access}).encode())(request, writer)
