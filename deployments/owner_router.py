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

    While the owner has no room a request waits for it. Where it has died, the next owner is asked at once; as
    well where it cannot be reached, since with its whole node it is only known to be dead after seconds. A
    replica that says nothing of a slot has its share all the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ownership = Ownership()
        self._by_name: dict[str, ReplicaID] = {}
        self._silent: set[ReplicaID] = set()

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

    def on_replica_actor_unavailable(self, replica_id: ReplicaID) -> None:
        """Called by Serve when a request did not reach it, which may be alive all the same."""
        super().on_replica_actor_unavailable(replica_id)
        self._silent.add(replica_id)

    def on_new_queue_len_info(self, replica_id: ReplicaID, num_ongoing_requests: int) -> None:
        """Called by Serve when it has taken or refused a request."""
        super().on_new_queue_len_info(replica_id, num_ongoing_requests)
        self._silent.discard(replica_id)

    def _know(self, replicas: list[RunningReplica]) -> None:
        self._by_name = {each.replica_id.unique_id: each.replica_id for each in replicas}
        self._silent &= set(self._by_name.values())
        self._ownership = Ownership(map(_claim, replicas))
        view(self._deployment_id.app_name, self._deployment_id.name).update(self._ownership)

    def _rebuild_ring(self, new_snapshot: frozenset[ReplicaID]) -> None:
        self._replica_set_snapshot = new_snapshot

    def _lookup_ranked_replicas(self, routing_key: str) -> list[ReplicaID]:
        """The one replica to ask, if it is there; behind one that cannot be reached, who would own the image
        without it. Serve asks the next where one does not say within a tenth of a second that it is there.
        """
        if routing_key.startswith(DIRECT):
            found = self._by_name.get(routing_key.removeprefix(DIRECT))
            return [] if found is None else [found]
        ranked: list[ReplicaID] = []
        ownership = self._ownership
        while (name := ownership.owner(routing_key)) is not None:
            ranked.append(self._by_name[name])
            if ranked[-1] not in self._silent:
                break
            ownership = ownership.without(name)
        return ranked


def _claim(replica: RunningReplica) -> Claim:
    said = {**replica.replica_metadata, **replica.routing_stats}
    name = replica.replica_id.unique_id
    return Claim(said[SINCE], name, said[SLOT]) if {SLOT, SINCE} <= set(said) else Claim(float("inf"), name)
