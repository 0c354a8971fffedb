"""The one place that opens sockets for images, to addresses that it has resolved and checked itself."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable

import httpcore

from net.addresses import Address, AllowList, ForbiddenAddress
from net.resolver import WORK, Resolver
from values.errors import Overloaded


class NoSuchName(httpcore.ConnectError):
    """Name servers know no such host."""


class NoNameServer(httpcore.ConnectError):
    """No name server answers; one may a moment later."""


SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address and connects to one of those.

    The connection pool above keeps Host, SNI and the certificate check on the name, so only the socket
    knows the address.
    """

    def __init__(self, allowed: AllowList, resolver: Resolver) -> None:
        self._allowed = allowed
        self._resolve = resolver
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect within ``timeout`` seconds, resolving included. Raises ForbiddenAddress, ConnectError."""
        deadline = time.monotonic() + (timeout or 60)
        addresses = await self._addresses(host, port, timeout)
        self._allowed.check_addresses(host, port, addresses)
        failure: Exception = httpcore.ConnectError("no address")
        for tried, address in enumerate(addresses):
            # A dead first address (IPv6 without a route, often) must leave time for the next one.
            share = (deadline - time.monotonic()) / (len(addresses) - tried)
            try:
                return await self._sockets.connect_tcp(str(address), port, timeout=max(share, 0.001))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: images do not come through Unix sockets."""
        raise ForbiddenAddress("a Unix socket is no place for images")

    async def sleep(self, seconds: float) -> None:
        """Wait, as the pool asks for."""
        await asyncio.sleep(seconds)

    async def check_for_proxy(self, host: str, port: int, seconds: float) -> None:
        """Refuse a host before a proxy is asked for it, if its name can be resolved here.

        A name that only the proxy can resolve has to be judged by the proxy. Raises ForbiddenAddress.
        """
        try:
            addresses = await self._addresses(host, port, seconds)
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            return
        self._allowed.check_addresses(host, port, addresses)

    async def _addresses(self, host: str, port: int, seconds: float | None) -> list[Address]:
        self._allowed.check_host(host, port)
        try:
            async with asyncio.timeout(seconds):
                found = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout("resolving took too long") from None
        except socket.gaierror as error:
            if error.errno == socket.EAI_MEMORY:
                raise MemoryError from error
            raise (NoNameServer if error.errno == socket.EAI_AGAIN else NoSuchName) from error
        except OSError as error:
            # An error of the system has a number; a resolver that found no such name gives none.
            raise (httpcore.ConnectError if error.errno else NoSuchName) from error
        except UnicodeError:
            raise NoSuchName from None
        except RuntimeError:
            raise Overloaded(f"no thread could be started for {WORK}; try again a little later") from None
        return [ipaddress.ip_address(address.split("%")[0]) for address in found]
