"""Takes the headers off a request that no client may send, gives its body a time, and its address a queue.

It is in front of Serve's own servers, whose times and headers these are, in every process that listens
(``deployments.http.middleware.in_front``). HAProxy does the same before that; whoever reaches them without it
meets this. An address with too many connections waits for its own, and no other does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.http.responses import error_response
from values.errors import NoSuchRoute, RequestTooSlow
from values.request_limits import BODY_RATE, BODY_S, CLIENT, CONTROL, FORWARDED, NO_ROUTE, TOO_SLOW

AT_ONCE = 512
"""Requests of one address inside of one process, an eighth of what Serve lets into it. So many because a
whole Label Studio is one address, and a click on a new image is inside until that is encoded."""

ADDRESS = "segment_anything.address"
"""Where the scope of a request has the address that it comes from; clients cannot write there."""

_ROUTES = "/-/routes"
_CLIENT = CLIENT.encode()
_CONTROL = re.compile(CONTROL.encode())


@dataclass
class _Line:
    places: asyncio.Semaphore
    members: int = field(default=0)


class ConnectionQueues:
    """For each address a line in which its requests wait while ``at_once`` of them are inside."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        """Addresses of which something is inside."""
        return len(self._lines)

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a place of the address, first come first served, and keep it."""
        line = self._lines.setdefault(address, _Line(asyncio.Semaphore(self._at_once)))
        line.members += 1
        try:
            async with line.places:
                yield
        finally:
            line.members -= 1
            if not line.members:
                del self._lines[address]


class ArrivingBody:
    """Called like ``receive``. What derives from it says in ``_part`` how a part is waited for."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = False

    async def __call__(self) -> Message:
        """The next message."""
        if self._whole:
            return await self._receive()
        message = await self._part()
        self._whole = not message.get("more_body", False)
        return message

    async def _part(self) -> Message:
        """The next part of the body, or that the client has left."""
        return await self._receive()


class RequestGuard:
    """ASGI middleware. ``behind_haproxy``: whether the header of HAProxy is HAProxy's."""

    def __init__(self, app: ASGIApp, behind_haproxy: bool, lines: ConnectionQueues) -> None:
        self._app = app
        self._behind_haproxy = behind_haproxy
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer for the application."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        address = scope[ADDRESS] = self._address(scope)
        scope["headers"] = [each for each in scope["headers"] if not _is_taken_off(each[0])]
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
        elif scope["path"].lower().endswith(_ROUTES):
            await error_response(NoSuchRoute(NO_ROUTE))(scope, receive, send)
        elif scope["method"] == "POST":
            async with self._lines.turn(address):
                await self._in_time(scope, receive, send)
        else:  # /health is of these, and has to answer whatever goes on
            await self._in_time(scope, receive, send)

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in; when its body is late the application sees a client that has left."""
        body, started = TimedBody(receive), False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        await self._app(scope, body, watched)
        if body.is_late and not started:
            response = error_response(RequestTooSlow(TOO_SLOW))
            response.headers["Connection"] = "close"
            await response(scope, receive, send)

    def _address(self, scope: Scope) -> str:
        if self._behind_haproxy:
            for name, value in scope["headers"]:
                if name == _CLIENT:
                    return str(value.decode("latin-1"))
        client = scope.get("client")
        return str(client[0]) if client else ""


class TimedBody(ArrivingBody):
    """A body that may be waited for ``BODY_S`` seconds, and longer as it comes.

    What is waited for is counted, not what passes while nobody reads. When that is used up, the client has
    left as far as can be seen from inside.
    """

    def __init__(self, receive: Receive) -> None:
        super().__init__(receive)
        self.is_late = False
        self._left_s = float(BODY_S)

    async def __call__(self) -> Message:
        """The next message."""
        return {"type": "http.disconnect"} if self.is_late else await super().__call__()

    async def _part(self) -> Message:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                message = await super()._part()
        except TimeoutError:
            self.is_late = True
            return {"type": "http.disconnect"}
        came = len(message.get("body", b""))
        self._left_s = min(self._left_s - (loop.time() - began) + came / BODY_RATE, float(BODY_S))
        return message


def is_near(scope: Scope) -> bool:
    """Whether a request comes from this machine, and no proxy on it says that it was sent from elsewhere.

    Nor may it ask for a name but localhost: the name of a stranger's page may lead to this machine by now,
    and a browser gives that page the answer (DNS rebinding).
    """
    headers = scope["headers"]
    return (
        _is_loopback(scope.get(ADDRESS, ""))
        and not any(FORWARDED.fullmatch(name) for name, _ in headers)
        and all(_is_address(value.decode("latin-1")) for name, value in headers if name == b"host")
    )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    """Whether a ``Host`` is an address or localhost, maybe with a port."""
    name = host.rpartition("]")[0].removeprefix("[") or host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.lower() == "localhost"
    return True


def _is_taken_off(name: bytes) -> bool:
    return name == _CLIENT or _CONTROL.match(name) is not None
