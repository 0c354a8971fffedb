"""All attacks, in the order in which they are tried."""

from __future__ import annotations

from benchmarks.hostile import costly_bodies, slow_clients, slow_files, stalled
from benchmarks.hostile.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    *stalled.ATTACKS,
    *slow_files.ATTACKS,
    *slow_clients.ATTACKS,
    *costly_bodies.ATTACKS,
)

FAMILIES = tuple(dict.fromkeys(attack.family for attack in ATTACKS))
