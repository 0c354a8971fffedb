"""Which decoder replica owns which image: by slots, which outlive the replicas that sit in them.

A replica that dies is replaced by one with another name. If images belonged to names, they would all be dealt
out anew; they belong to slots, and the new replica takes the slot of the dead one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from embeddings.rendezvous import Rendezvous

REMEMBERED_S = 3600.0
"""For so long after a change it is known who owned an image before it."""

REMEMBERED = 8
"""Changes that are remembered."""


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """What a replica says of itself: its slot, from 0 on, or None where it knows of none, ``since`` a second
    of its clock."""

    since: float
    replica: str
    slot: int | None = None


class Ownership:
    """The owners as long as nothing changes.

    Where two replicas claim one slot for a while, the older one sits in it and has its images in memory. The
    other one, as anybody without a slot, has a place of its own and takes its share from all. Whoever knows
    the same claims, in whatever order, names the same owners.
    """

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        self.claims = frozenset(claims)
        self._replicas: dict[str, str] = {}
        for claim in sorted(self.claims):
            slot = f"replica {claim.replica}" if claim.slot is None else f"slot {claim.slot}"
            place = f"replica {claim.replica}" if slot in self._replicas else slot
            self._replicas[place] = claim.replica
        self._places = Rendezvous(self._replicas)

    @property
    def replicas(self) -> frozenset[str]:
        """All who own anything."""
        return frozenset(claim.replica for claim in self.claims)

    def owner(self, key: str) -> str | None:
        """The replica that owns the image ``key``; None where there is no replica."""
        place = self._places.first(key)
        return None if place is None else self._replicas[place]

    def without(self, replica: str) -> Ownership:
        """The owners if that one were not there."""
        return Ownership(claim for claim in self.claims if claim.replica != replica)


class OwnershipHistory:
    """The owners now and before the last changes, as one process was told of them.

    One thread may call ``update`` while others ask.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.now = Ownership()
        self._clock = clock
        # With the time until which each was true.
        self._before: deque[tuple[float, Ownership]] = deque(maxlen=REMEMBERED)

    def update(self, now: Ownership) -> None:
        """From now on these are the owners."""
        if now.claims != self.now.claims:
            self._before.appendleft((self._clock(), self.now))
            self.now = now

    def earlier(self, key: str, own: str) -> list[str]:
        """The replicas that may still have the image ``key`` of the replica ``own``, the last owner first.

        Only those that are there, besides ``own``. Empty when nothing has changed for an hour.
        """
        return list(dict.fromkeys(self._earlier(key, own)))

    def _earlier(self, key: str, own: str) -> Iterator[str]:
        there = self.now.replicas - {own}
        for until, owners in tuple(self._before):
            if self._clock() - until > REMEMBERED_S:
                return
            # Before it came itself the images were where they would be without it.
            for known in (owners, owners.without(own), self.now.without(own)):
                owner = known.owner(key)
                if owner in there:
                    yield owner
