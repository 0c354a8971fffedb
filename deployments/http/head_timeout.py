"""Serve's own server, uvicorn, waits for the head of a request as long as it takes. Here it does not."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http import auto

from values.request_limits import HEAD_S

_ANSWER = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HeadTimeout:
    """Put in front of uvicorn's protocol: a connection is closed whose request has begun for too long.

    One that waits between requests is uvicorn's own concern (``timeout_keep_alive``).
    """

    # Those of uvicorn's protocol.
    cycle: Any
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The time begins."""
        super().connection_made(transport)  # type: ignore[misc]
        self._look()

    def data_received(self, data: bytes) -> None:
        """It ends with the head, and begins again with the first byte of the next one."""
        super().data_received(data)  # type: ignore[misc]
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ends with the connection."""
        self._stop()
        super().connection_lost(exc)  # type: ignore[misc]

    def _look(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        protocol: Any = self.transport.get_protocol()
        if answering or protocol is not self:  # a web socket's is another one
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_S, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.write(_ANSWER)
            self.transport.close()


def time_out_heads() -> None:
    """For all servers that start in this process from here on: uvicorn looks its protocol up there."""
    protocol: Any = auto.AutoHTTPProtocol
    if not issubclass(protocol, HeadTimeout):
        timed: Any = type("HeadTimeoutProtocol", (HeadTimeout, protocol), {})
        auto.AutoHTTPProtocol = timed
