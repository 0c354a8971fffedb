"""Earlier owners are asked for what they have, and nothing they do or leave undone is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from ray.exceptions import ActorDiedError

from deployments.calls import neighbours as module
from deployments.calls.neighbours import AT_ONCE, REST_S, NoNeighbours, RunningNeighbours, Slot, neighbours
from deployments.owner_router import DIRECT
from embeddings.ownership import REMEMBERED_S, Claim, Ownership, OwnershipHistory
from testing.deployment_fakes import Handle, forever
from values.embedding import Embedding
from values.errors import NotKept

KEYS = [f"{number:040x}" for number in range(60)]
OWN, VERSION = "decoder-2", "classical-3"


def embedding(version: str = VERSION) -> Embedding:
    return Embedding({"features": np.zeros(4, np.float32)}, version, 9, 9, 9, 9)


class Cluster:
    """Three decoders, the last of which came last and asks. ``give``: what the others do when asked."""

    def __init__(self, give: Callable[..., Awaitable[Any]]) -> None:
        self.time = 0.0
        self.asked: list[str] = []
        self.give = give
        self.owners = OwnershipHistory(lambda: self.time)
        for replicas in (2, 3):
            self.tell(replicas)
        self.handle = Handle({"hand_over": self._hand_over, "let_go": self._let_go, "take_in": self._take_in})
        self.neighbours = RunningNeighbours(self.handle, self.owners, OWN, lambda: self.time)

    def tell(self, replicas: int) -> None:
        self.owners.update(Ownership(Claim(0, f"decoder-{slot}", slot) for slot in range(replicas)))

    def mine(self) -> str:
        """An image that this decoder owns now."""
        return next(key for key in KEYS if self.owners.now.owner(key) == OWN)

    async def _hand_over(self, key: str, version: str) -> Any:
        self.asked.append(key)
        return await self.give()

    async def _let_go(self, key: str) -> Any:
        self.asked.append(key)
        return await self.give()

    async def _take_in(self, key: str, given: Embedding, room_only: bool) -> Any:
        self.asked.append(key)
        assert (given.segmenter, room_only) == (VERSION, True)
        return await self.give()


def gives(value: object) -> Callable[[], Awaitable[object]]:
    async def give() -> object:
        if isinstance(value, Exception):
            raise value
        return value

    return give


async def test_the_one_who_owned_the_image_before_gives_it() -> None:
    cluster = Cluster(gives(embedding()))
    key = cluster.mine()
    assert await cluster.neighbours.take(key, VERSION) is not None
    before = Ownership(Claim(0, f"decoder-{slot}", slot) for slot in range(2)).owner(key)
    assert cluster.handle.chosen == [{"session_id": f"{DIRECT}{before}", "_by_reference": True}]


async def test_nobody_is_asked_where_nothing_has_changed_for_long() -> None:
    cluster = Cluster(gives(embedding()))
    cluster.time += REMEMBERED_S + 1
    assert await cluster.neighbours.take(cluster.mine(), VERSION) is None
    assert cluster.asked == []


@pytest.mark.parametrize(
    "given",
    [None, embedding("classical-1"), AttributeError("an older version has no such method"), MemoryError()],
)
async def test_what_cannot_be_had_is_no_error(given: object) -> None:
    cluster = Cluster(gives(given))
    assert await cluster.neighbours.take(cluster.mine(), VERSION) is None
    assert cluster.asked


async def test_who_does_not_answer_in_time_has_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.01)
    cluster = Cluster(forever)
    key = cluster.mine()
    assert await cluster.neighbours.take(key, VERSION) is None
    assert await cluster.neighbours.take(key, VERSION) is None
    assert len(cluster.asked) == 1
    cluster.time += REST_S
    await cluster.neighbours.take(key, VERSION)
    assert len(cluster.asked) == 2


async def test_a_few_embeddings_come_at_once() -> None:
    enough, under_way, most = asyncio.Event(), 0, 0

    async def give() -> Embedding:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await enough.wait()
        under_way -= 1
        return embedding()

    cluster = Cluster(give)
    key = cluster.mine()
    taking = [asyncio.create_task(cluster.neighbours.take(key, VERSION)) for _ in range(3 * AT_ONCE)]
    while under_way < AT_ONCE:
        await asyncio.sleep(0)
    enough.set()
    await asyncio.gather(*taking)
    assert (most, len(cluster.asked)) == (AT_ONCE, 3 * AT_ONCE)


async def test_all_forget() -> None:
    cluster = Cluster(gives(False))
    assert await cluster.neighbours.forget(KEYS[0]) is False
    assert cluster.asked == [KEYS[0]] * 2
    cluster.give = gives(True)
    assert await cluster.neighbours.forget(KEYS[0]) is True


async def test_who_may_still_have_it_is_named_and_who_is_gone_has_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FORGET_S", 0.01)
    cluster = Cluster(gives(ActorDiedError()))
    with pytest.raises(NotKept, match="another decoder may still have the embedding"):
        await cluster.neighbours.forget(KEYS[0])

    async def dies() -> bool:
        cluster.owners.update(Ownership([Claim(0, OWN, 2)]))
        raise ActorDiedError

    cluster.give = dies
    assert await cluster.neighbours.forget(KEYS[0]) is False


async def test_the_heir_of_an_image_is_who_owns_it_without_this_replica() -> None:
    cluster = Cluster(gives(True))
    key = cluster.mine()
    heir = Ownership(Claim(0, f"decoder-{slot}", slot) for slot in range(2)).owner(key) or ""
    assert cluster.neighbours.heir(key) == heir
    assert await cluster.neighbours.give(heir, key, embedding(), room_only=True)
    assert cluster.handle.chosen == [{"session_id": f"{DIRECT}{heir}", "_by_reference": True}]
    cluster.owners.update(Ownership([Claim(0, OWN, 2)]))
    assert cluster.neighbours.heir(key) is None


@pytest.mark.parametrize("answer", [False, AttributeError("an older version has no such method")])
async def test_an_heir_that_takes_nothing_is_no_error(answer: object) -> None:
    cluster = Cluster(gives(answer))
    assert await cluster.neighbours.give("decoder-0", KEYS[0], embedding(), room_only=True) is False


async def test_an_heir_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.01)
    cluster = Cluster(forever)
    assert await cluster.neighbours.give("decoder-0", KEYS[0], embedding(), room_only=True) is False


async def test_outside_of_a_replica_there_are_no_neighbours() -> None:
    assert isinstance(neighbours(), NoNeighbours)
    assert (await neighbours().take(KEYS[0], VERSION), await neighbours().forget(KEYS[0])) == (None, False)
    alone = neighbours()
    assert alone.heir(KEYS[0]) is None
    assert await alone.give("decoder-0", KEYS[0], embedding(), room_only=False) is False
    assert (Slot().metadata(), Slot().changed()) == ({}, {})


def test_how_many_decoders_there_are_is_known() -> None:
    cluster = Cluster(gives(None))
    assert cluster.neighbours.count() == 3
    cluster.tell(2)
    assert cluster.neighbours.count() == 2
    cluster.tell(0)
    assert (cluster.neighbours.count(), NoNeighbours().count()) == (1, 1)
