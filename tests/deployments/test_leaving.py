"""What a decoder that is stopped hands over, to whom, and for how long."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from deployments import leaving
from deployments.calls.neighbours import NoNeighbours
from deployments.leaving import FORGOTTEN_S, LatelyForgotten, leave
from embeddings.memory import MemoryTier
from testing.deployment_fakes import forever
from values.embedding import Embedding

# The name of an image begins with that of its heir.
OLDEST_FIRST = ["b0", "a0", "a1", "b1", "a2", "a3"]


def memory(keys: list[str]) -> MemoryTier[Embedding]:
    tier = MemoryTier[Embedding](2**20)
    for key in keys:
        tier.put(key, Embedding({"features": np.zeros(4, np.float32)}, "classical-2", 9, 9, 9, 9))
    return tier


class Heirs(NoNeighbours):
    """Those who stay; each takes ``most`` at all, and of those beyond its room only ``room``."""

    def __init__(self, most: int = 99) -> None:
        self.most = most
        self.given: dict[str, list[tuple[str, bool]]] = {}

    def heir(self, key: str) -> str | None:
        return key[0]

    async def give(self, heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
        own = self.given.setdefault(heir, [])
        own.append((key, room_only))
        return len(own) <= self.most


async def test_each_heir_gets_its_own_the_most_recent_first_and_the_last_third_where_it_has_room() -> None:
    heirs = Heirs()
    assert await leave(memory(OLDEST_FIRST), heirs) == 6
    assert heirs.given == {
        "a": [("a3", False), ("a2", False), ("a1", True), ("a0", True)],
        "b": [("b1", False), ("b0", True)],
    }


async def test_who_takes_no_more_is_asked_no_more_and_the_others_are() -> None:
    heirs = Heirs(most=1)
    assert await leave(memory(OLDEST_FIRST), heirs) == 2
    assert {heir: len(given) for heir, given in heirs.given.items()} == {"a": 2, "b": 2}


async def test_where_nobody_stays_nothing_is_handed_over() -> None:
    assert await leave(memory(OLDEST_FIRST), NoNeighbours()) == 0


async def test_it_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stuck(Heirs):
        async def give(self, heir: str, key: str, embedding: Embedding, *, room_only: bool) -> bool:
            await forever()
            return True

    monkeypatch.setattr(leaving, "LEAVE_S", 0.01)
    async with asyncio.timeout(60):
        assert await leave(memory(OLDEST_FIRST), Stuck()) == 0


def test_what_was_forgotten_is_known_for_a_while_and_not_for_ever() -> None:
    now = 0.0
    forgotten = LatelyForgotten(lambda: now)
    assert "a" not in forgotten
    forgotten.add("a")
    now = FORGOTTEN_S
    forgotten.add("b")
    assert ("a" in forgotten, "b" in forgotten) == (True, True)
    now += 1
    assert ("a" in forgotten, "b" in forgotten) == (False, True)
    forgotten.add("c")
    assert len(forgotten._when) == 2
