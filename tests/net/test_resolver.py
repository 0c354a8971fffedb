from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter

import pytest

from net.addresses import AllowList, ForbiddenAddress
from net.resolver import FRESH_S, KEPT_FOR_KNOWN, OF_A_ZONE, THREADS, SystemResolver
from net.sockets import CheckedBackend


class Names:
    """Name servers: those of names with ``slow`` in them say nothing until ``release`` is set."""

    def __init__(self) -> None:
        self.asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.count: Counter[str] = Counter()
        self.slow: set[str] = set()
        self.release = threading.Event()
        self.addresses = ["93.184.215.14"]
        self.now = 0.0
        self.resolver = SystemResolver(self._look_up, lambda: self.now)

    def _look_up(self, host: str, port: int) -> list[str]:
        self.count[host] += 1
        self.asked.put(host)
        if "slow" in host or host in self.slow:
            self.release.wait()
        if host.startswith("none"):
            raise OSError("no such name")
        return list(self.addresses)

    def stall(self, hosts: list[str]) -> list[asyncio.Task[list[str]]]:
        return [asyncio.create_task(self.resolver(host, 80)) for host in hosts]

    async def looked_up(self, count: int) -> None:
        """Wait until so many names were asked for, since this was waited for last, and no more."""
        for _ in range(count):
            await asyncio.to_thread(self.asked.get, True, 60)
        assert self.asked.empty()

    async def end(self, tasks: list[asyncio.Task[list[str]]]) -> None:
        self.release.set()
        await asyncio.gather(*tasks)


async def test_slow_names_of_one_zone_and_of_many_keep_no_good_one_waiting() -> None:
    names = Names()
    assert await names.resolver("studio.example", 80) == names.addresses
    slow = names.stall([f"{number}.slow.test" for number in range(100)])
    assert await names.resolver("new.example", 80) == names.addresses
    slow += names.stall([f"a.slow-{number}.test" for number in range(100)])
    names.now += FRESH_S
    assert await names.resolver("studio.example", 80) == names.addresses
    await names.looked_up(3 + THREADS - KEPT_FOR_KNOWN)
    assert len([host for host in names.count if host.endswith(".slow.test")]) == OF_A_ZONE
    await names.end(slow)


async def test_names_that_have_become_slow_keep_to_their_zone() -> None:
    names = Names()
    known = [f"{number}.turns.test" for number in range(THREADS)]
    for host in [*known, "studio.example"]:
        await names.resolver(host, 80)
    names.now += FRESH_S
    names.slow.update(known)
    slow = names.stall(known)
    assert await names.resolver("studio.example", 80) == names.addresses
    await names.looked_up(len(known) + 2 + OF_A_ZONE)
    await names.end(slow)


async def test_an_answer_is_used_for_a_moment_and_a_failure_is_not() -> None:
    names = Names()
    for _ in range(3):
        await names.resolver("good.example", 80)
        with pytest.raises(OSError, match="no such name"):
            await names.resolver("none.example", 80)
    assert names.count == {"good.example": 1, "none.example": 3}
    names.now += FRESH_S
    names.addresses = ["93.184.215.15"]
    assert await names.resolver("good.example", 80) == ["93.184.215.15"]


async def test_those_who_ask_for_the_same_name_at_once_ask_once_for_each_thread_at_most() -> None:
    names = Names()
    both = names.stall(["slow.example"] * 3 * OF_A_ZONE)
    await names.looked_up(OF_A_ZONE)
    await names.end(both)
    assert names.count == {"slow.example": OF_A_ZONE}


async def test_an_address_takes_no_thread() -> None:
    names = Names()
    for address in ("127.0.0.1", "::1"):
        assert await names.resolver(address, 80) == [address]
    assert names.count == {}


async def test_who_has_left_frees_a_thread_only_when_the_lookup_ends() -> None:
    names = Names()
    slow = names.stall([f"{number}.slow.test" for number in range(OF_A_ZONE)])
    await names.looked_up(OF_A_ZONE)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    next_one = asyncio.create_task(names.resolver("next.slow.test", 80))
    await asyncio.sleep(0)
    assert names.asked.empty()
    await names.end([next_one])


async def test_an_answer_that_is_used_again_is_checked_again() -> None:
    names = Names()
    names.addresses = ["10.0.0.1"]
    lenient = CheckedBackend(AllowList(["*"], None), names.resolver)
    await lenient.check_for_proxy("inside.test", 80, 5)
    strict = CheckedBackend(AllowList(["public"], None), names.resolver)
    with pytest.raises(ForbiddenAddress, match="its address is not public"):
        await strict.connect_tcp("inside.test", 80, 5)
    assert names.count == {"inside.test": 1}
