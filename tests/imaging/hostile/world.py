"""An internet on loopback: a public server, services inside, Label Studio, and names that lie.

Only public addresses may be fetched by default, and none may be asked from a test. So the wires below the
checks are replaced, and nothing else: ``Wires`` is where ``net.transport`` has httpcore's own socket backend.
It gets the address that the checks have let through and connects to a real server on loopback that stands
for it: the public server for the two public addresses, a service inside for every other address. A
forbidden address that gets past the checks therefore reaches a server that listens, answers with an image,
and remembers it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpcore

from net.addresses import WEB_PORTS
from testing.image_files import encoded, quarters
from tests.imaging.hostile.names import NAMES, PUBLIC, PUBLIC6
from tests.imaging.servers import LabelStudio, Request, Server, answer

PNG = encoded(quarters())


class Inside:
    """A service inside the network: answers anybody with an image, and counts who came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self.address, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PNG)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + PNG)
        await writer.drain()
        writer.close()


class Leading:
    """What the next answer is: a redirect to the next of ``leads``, then nothing more."""

    def __init__(self) -> None:
        self.leads: list[str] = []

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if self.leads:
            await answer(302, location=self.leads.pop(0), connection="close")(request, writer)
            # Closed, so that the next request asks the resolver again.
            writer.close()
        else:
            await answer(404)(request, writer)


class Public(Server):
    """A host that anybody may ask, and that an attacker owns."""

    def __init__(self, leading: Leading) -> None:
        super().__init__()
        self._leading = leading

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await self.routes.get(request.path, self._leading.answer)(request, writer)


class Studio(LabelStudio):
    """Label Studio whose files are redirects, as it does for files in cloud storage."""

    def __init__(self, leading: Leading) -> None:
        super().__init__(legacy=True)
        self._leading = leading

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        authorized = "authorization" in request.headers and request.path.startswith(
            ("/data/", "/tasks/", "/projects/")
        )
        if authorized and self._leading.leads:
            await self._leading.answer(request, writer)
        else:
            await super().handle(request, writer)


class Wires(httpcore.AnyIOBackend):
    """From an address to the server on loopback that stands for it; see the module."""

    def __init__(self, public: Public, inside: Inside) -> None:
        self._public = public
        self._inside = inside

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if port in WEB_PORTS:
            port = self._public.port if host in {PUBLIC, PUBLIC6} else self._inside.port
            host = "127.0.0.1"
        return await super().connect_tcp(host, port, timeout)


class Resolver:
    """Answers from ``NAMES``, each name with the next of its answers and with the last one for ever.

    Numbers are read as the system's resolver reads them, which knows more spellings than one would think.
    ``answered`` are the addresses that were found, but for those that were asked for.
    """

    def __init__(self) -> None:
        self.answered: list[str] = []
        self._left = {name: list(answers) for name, answers in NAMES.items()}

    async def __call__(self, host: str, port: int) -> list[str]:
        found = self._number(host) or self._named(host)
        self.answered += [address for address in found if address != host.lower()]
        return found

    def _number(self, host: str) -> list[str]:
        try:
            return [
                str(ipaddress.IPv6Address(host)) if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
            ]
        except (OSError, ValueError):
            return []

    def _named(self, host: str) -> list[str]:
        if host not in self._left:
            raise socket.gaierror("no such name")
        answers = self._left[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class World:
    """All of it, running."""

    leading: Leading
    public: Public
    studio: Studio
    inside: list[Inside]
    resolver: Resolver = field(default_factory=Resolver)

    @property
    def wires(self) -> Wires:
        return Wires(self.public, self.inside[0])

    def spelled(self, text: str) -> str:
        """A value or Location with the places of this run."""
        text = text.replace("{studio}", f"127.0.0.1:{self.studio.port}")
        for mark, service in zip(("{inside}", "{inside2}"), self.inside, strict=False):
            text = text.replace(mark, f"{service.address}:{service.port}")
        return text.replace("{inside6}", f"[::1]:{self.inside[-1].port}")


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    leading = Leading()
    async with AsyncExitStack() as stack:
        inside = [await stack.enter_async_context(Inside(address)) for address in ("127.0.0.1", "127.0.0.2")]
        with suppress(OSError):  # a machine without IPv6
            inside.append(await stack.enter_async_context(Inside("::1")))
        public = await stack.enter_async_context(Public(leading))
        studio = await stack.enter_async_context(Studio(leading))
        yield World(leading, public, studio, inside)
