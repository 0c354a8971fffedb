"""All attacks, in the order in which they are tried."""

from __future__ import annotations

from benchmarks.hostile import slow_files, stalled
from benchmarks.hostile.attack import Attack

ATTACKS: tuple[Attack, ...] = (*stalled.ATTACKS, *slow_files.ATTACKS)

FAMILIES = tuple(dict.fromkeys(attack.family for attack in ATTACKS))
