"""The router's choice, on replicas as Serve tells of them; the rest of it is Serve's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ray.serve._private.common import DeploymentHandleSource, DeploymentID, ReplicaID, RequestMetadata
from ray.serve._private.request_router.common import PendingRequest

from deployments.calls.owner_views import view
from deployments.owner_router import DIRECT, SINCE, SLOT, OwnerRouter
from embeddings.ownership import Claim, Ownership

DECODERS = DeploymentID("Decoder", "a test of the router")
KEYS = [f"{number:040x}" for number in range(300)]


@dataclass
class Replica:
    """What the router reads of Serve's RunningReplica."""

    name: str
    replica_metadata: dict[str, Any] = field(default_factory=dict)
    routing_stats: dict[str, Any] = field(default_factory=dict)
    multiplexed_model_ids: frozenset[str] = frozenset()
    node_id: str = "a node"
    availability_zone: str | None = None
    max_ongoing_requests: int = 100

    @property
    def replica_id(self) -> ReplicaID:
        return ReplicaID(self.name, DECODERS)

    async def get_queue_len(self, *, deadline_s: float) -> int:
        return 0


def replica(name: str, slot: int, since: float = 0.0) -> Replica:
    return Replica(name, {SLOT: slot, SINCE: since})


@pytest.fixture
async def router() -> OwnerRouter:
    return OwnerRouter(
        deployment_id=DECODERS,
        handle_source=DeploymentHandleSource.REPLICA,
        use_replica_queue_len_cache=False,
    )


async def chosen(router: OwnerRouter, session: str) -> list[str]:
    """The replicas that are asked, in order."""
    asked = PendingRequest([], {}, RequestMetadata("request", "internal", session_id=session))
    ranks = await router.choose_replicas(list(router.curr_replicas.values()), asked)
    return [each.replica_id.unique_id for rank in ranks for each in rank]


def three() -> list[Any]:
    return [replica(f"decoder-{slot}", slot) for slot in range(3)]


async def test_an_image_goes_to_its_owner_and_to_nobody_else(router: OwnerRouter) -> None:
    router.update_replicas(three())
    owners = Ownership(Claim(0, f"decoder-{slot}", slot) for slot in range(3))
    for key in KEYS:
        assert await chosen(router, key) == [owners.owner(key)]


async def test_a_replica_can_be_named_itself(router: OwnerRouter) -> None:
    router.update_replicas(three())
    assert await chosen(router, DIRECT + "decoder-1") == ["decoder-1"]
    assert await chosen(router, DIRECT + "decoder-9") == []


async def test_who_is_found_dead_is_not_waited_for(router: OwnerRouter) -> None:
    router.update_replicas(three())
    before = {key: await chosen(router, key) for key in KEYS}
    router.on_replica_actor_died(ReplicaID("decoder-1", DECODERS))
    heirs = {key: await chosen(router, key) for key in KEYS}
    router.update_replicas([each for each in three() if each.name != "decoder-1"])
    for key in KEYS:
        assert heirs[key] == await chosen(router, key) != ["decoder-1"]
        assert before[key] in (heirs[key], ["decoder-1"])


async def test_behind_who_cannot_be_reached_the_next_owner_is_asked(router: OwnerRouter) -> None:
    router.update_replicas(three())
    before = {key: await chosen(router, key) for key in KEYS}
    lost = ReplicaID("decoder-1", DECODERS)
    router.on_replica_actor_unavailable(lost)
    meanwhile = {key: await chosen(router, key) for key in KEYS}
    named = await chosen(router, DIRECT + "decoder-1")
    router.update_replicas([each for each in three() if each.name != "decoder-1"])
    after = {key: await chosen(router, key) for key in KEYS}
    assert named == ["decoder-1"], "nobody stands in for who is asked by name"
    for key in KEYS:
        assert meanwhile[key] == (["decoder-1", *after[key]] if before[key] == ["decoder-1"] else before[key])


async def test_who_has_answered_again_is_asked_alone(router: OwnerRouter) -> None:
    router.update_replicas(three())
    before = {key: await chosen(router, key) for key in KEYS}
    for each in three():
        router.on_replica_actor_unavailable(each.replica_id)
    for key in KEYS:
        assert sorted(await chosen(router, key)) == ["decoder-0", "decoder-1", "decoder-2"]
    for each in three():
        router.on_new_queue_len_info(each.replica_id, 1)
    assert {key: await chosen(router, key) for key in KEYS} == before


async def test_a_replacement_has_the_images_of_the_dead_one(router: OwnerRouter) -> None:
    router.update_replicas(three())
    before = {key: await chosen(router, key) for key in KEYS}
    router.update_replicas([*three()[:2], replica("another", 2, since=9)])
    for key in KEYS:
        assert await chosen(router, key) == (["another"] if before[key] == ["decoder-2"] else before[key])


async def test_a_new_slot_counts_as_soon_as_it_is_said(router: OwnerRouter) -> None:
    router.update_replicas([*three()[:2], replica("decoder-9", 9)])
    changed: list[Any] = [*three()[:2], replica("decoder-9", 9)]
    changed[2].routing_stats = {SLOT: 2, SINCE: 0.0}
    router.update_replicas(changed)
    owners = Ownership(
        Claim(0, name, slot) for slot, name in enumerate(["decoder-0", "decoder-1", "decoder-9"])
    )
    for key in KEYS:
        assert await chosen(router, key) == [owners.owner(key)]


async def test_replicas_that_say_nothing_of_slots_have_their_share(router: OwnerRouter) -> None:
    router.update_replicas([Replica("old-1"), Replica("old-2"), replica("new", 0)])
    assert {name for key in KEYS for name in await chosen(router, key)} == {"old-1", "old-2", "new"}


async def test_others_in_this_process_can_see_who_owns_what_and_did_before(router: OwnerRouter) -> None:
    router.update_replicas(three()[:2])
    router.update_replicas(three())
    seen = view(DECODERS.app_name, DECODERS.name)
    assert seen.now.replicas == {f"decoder-{slot}" for slot in range(3)}
    assert any(seen.earlier(key, "decoder-2") for key in KEYS)
