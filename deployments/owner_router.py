"""Serve's router for the decoders: a click goes to the replica that owns its image, and to no other.

Serve's own ring is made of the replicas' random names: when one dies and is replaced, of four, 39 % of all
images change their owner. Here replicas have slots (embeddings/ownership.py), which are Serve's ranks: a new
replica gets the lowest free one, that of the dead one.
"""

from __future__ import annotations

from typing import Any

from ray.serve._private.common import ReplicaID
from ray.serve._private.request_router.replica_wrapper import RunningReplica
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter

from deployments.calls.owner_views import view
from embeddings.ownership import Claim, Ownership

SLOT, SINCE = "slot", "since"
"""Names of what a replica says of itself, to begin with as its metadata and later in its routing stats."""

DIRECT = "replica "
"""Begins a session id that names a replica itself instead of an image."""


class OwnerRouter(ConsistentHashRouter):
    """Routes by ``session_id``: an image key, or ``DIRECT`` and the name of a replica.

    While the owner has no room a request waits for it. Where it has died, the next owner is asked at once. A
    replica that says nothing of a slot has its share all the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ownership = Ownership()
        self._by_name: dict[str, ReplicaID] = {}

    def initialize_state(self, **kwargs: Any) -> None:
        """Nothing is chosen: there are no virtual nodes, and nobody stands in for an owner."""

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Called by Serve whenever the replicas, or what they say of themselves, have changed."""
        # First of all: Serve's own part goes on with the requests that wait.
        self._know(replicas)
        super().update_replicas(replicas)

    def on_replica_actor_died(self, replica_id: ReplicaID) -> None:
        """Called by Serve when a request found it dead."""
        super().on_replica_actor_died(replica_id)
        self._know(list(self._replicas.values()))

    def _know(self, replicas: list[RunningReplica]) -> None:
        self._by_name = {each.replica_id.unique_id: each.replica_id for each in replicas}
        self._ownership = Ownership(map(_claim, replicas))
        view(self._deployment_id.app_name, self._deployment_id.name).update(self._ownership)

    def _rebuild_ring(self, new_snapshot: frozenset[ReplicaID]) -> None:
        self._replica_set_snapshot = new_snapshot

    def _lookup_ranked_replicas(self, routing_key: str) -> list[ReplicaID]:
        """The one replica to ask, if it is there."""
        direct = routing_key.startswith(DIRECT)
        name = routing_key.removeprefix(DIRECT) if direct else self._ownership.owner(routing_key)
        found = None if name is None else self._by_name.get(name)
        return [] if found is None else [found]


def _claim(replica: RunningReplica) -> Claim:
    said = {**replica.replica_metadata, **replica.routing_stats}
    name = replica.replica_id.unique_id
    return Claim(said[SINCE], name, said[SLOT]) if {SLOT, SINCE} <= set(said) else Claim(float("inf"), name)
