"""From the name of an image's host to its addresses, in threads that nothing else needs.

Nobody can stop a lookup: a name whose server is silent takes a thread for half a minute, whoever still waits.
So there are few threads for names of one zone, some that only names get which were answered before, and
answers are used for a moment. They are addresses and no permissions: who connects checks them each time.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from concurrency.abandonable_worker import Worker
from concurrency.priority_slots import Share, Urgency

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to the IP addresses of the host, as text; raises OSError when there are none."""

WORK = "looking up the name of an image's host"

THREADS = 16
KEPT_FOR_KNOWN = 8
"""Of those threads, what only names get that were answered lately: Label Studio's and those of good hosts."""

OF_A_ZONE = 4
"""Threads for names of one zone, those that were answered and the others each: whoever has a silent name
server has any number of names."""

LOOKUP_S = 10.0
"""For so long a lookup is waited for, and before it a thread. CONNECT_TIMEOUT_S is mostly less."""

FRESH_S = 10.0
"""For so long an answer is used again. Name servers themselves allow minutes, mostly."""

KNOWN_S = 600.0
"""For so long a name that was answered comes before others."""

REMEMBERED = 1000
"""Names."""


class SystemResolver:
    """Asks the system. One per process; used from one event loop at a time."""

    def __init__(
        self,
        look_up: Callable[[str, int], Sequence[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up or _look_up
        self._clock = clock
        self._threads = Worker(THREADS, LOOKUP_S, WORK, reserved=KEPT_FOR_KNOWN)
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
        """In a thread. Whoever waited for one may find that another has asked meanwhile."""
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
"""That of this process."""
