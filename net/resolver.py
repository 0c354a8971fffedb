"""From the name of an image's host to its addresses, in threads of its own.

A lookup cannot be stopped: a name whose server is silent takes a thread for half a minute, even if its caller
has left. Therefore one zone gets few threads, some threads are kept for names that were answered before, and
an answer is used again for a few seconds. An answer is no permission: whoever connects checks the addresses.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from concurrency.abandonable import AbandonableWorker
from concurrency.priority_slots import Share, Urgency

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to the IP addresses of the host, as text; raises OSError when there are none."""

WORK = "looking up the name of an image's host"

THREADS = 16
KEPT_FOR_KNOWN = 8
"""Of those threads, the ones kept for names that were answered lately: Label Studio's and other good
hosts."""

OF_A_ZONE = 4
"""Threads for known names of one zone, and as many for its new names. Without this bound one silent name
server, which may have any number of names, would take all threads."""

LOOKUP_S = 10.0
"""Seconds to wait for a free thread, and then for the lookup. CONNECT_TIMEOUT_S is usually shorter."""

FRESH_S = 10.0
"""Seconds for which an answer is used again. Name servers usually allow minutes."""

KNOWN_S = 600.0
"""Seconds for which a name that was answered counts as known."""

REMEMBERED = 1000
"""Names whose answers are kept."""


class SystemResolver:
    """Asks the system. One per process; used from one event loop at a time."""

    def __init__(
        self,
        look_up: Callable[[str, int], Sequence[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up or _look_up
        self._clock = clock
        self._threads = AbandonableWorker(THREADS, LOOKUP_S, WORK, reserved=KEPT_FOR_KNOWN)
        self._answers: OrderedDict[str, tuple[float, list[str]]] = OrderedDict()

    async def __call__(self, host: str, port: int) -> list[str]:
        """The addresses of a host. Raises OSError; ImageTimeout or Overloaded where that takes too long."""
        if _is_address(host):
            return [host]
        fresh = self._answered(host, FRESH_S)
        if fresh is not None:
            return fresh
        known = self._answered(host, KNOWN_S) is not None
        zone = ".".join(host.rstrip(".").rsplit(".", 2)[-2:])
        share = Share((zone, known), OF_A_ZONE)
        found = await self._threads.run(lambda: self._ask(host, port), Urgency(known), [share])
        return list(found)

    def _ask(self, host: str, port: int) -> list[str]:
        """Look up in a thread, unless another call has done so while this one waited for the thread."""
        fresh = self._answered(host, FRESH_S)
        if fresh is not None:
            return fresh
        found = list(self._look_up(host, port))
        self._answers[host] = self._clock(), found
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return found

    def _answered(self, host: str, within_s: float) -> list[str] | None:
        at, found = self._answers.get(host, (float("-inf"), []))
        return found if self._clock() - at < within_s else None


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


resolve = SystemResolver()
"""The resolver of this process."""
