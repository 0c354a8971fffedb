"""What is asked for: things in generated pictures, by kind, and things in photographs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testing.outlined import Outlined, outlined
from testing.still_lifes.kinds import KINDS
from testing.still_lifes.still_life import EACH, still_life
from testing.still_lifes.styles import SETS

PHOTOGRAPHS = "photographs"
ALL_KINDS = (*KINDS, PHOTOGRAPHS)


class Thing(NamedTuple):
    """``chosen``: one of SETS. ``number``: within its kind. It names a picture without holding it, so that
    processes can be handed many."""

    chosen: str
    kind: str
    number: int

    @property
    def photographed(self) -> bool:
        """Whether it is a photograph's."""
        return self.kind == PHOTOGRAPHS


class Shown(NamedTuple):
    """``name``: for people. ``rgb``: HxWx3 uint8. ``truth``: HxW bool."""

    name: str
    rgb: NDArray[np.uint8]
    truth: NDArray[np.bool_]


def things(sets: Sequence[str], kinds: Sequence[str], most: int | None = None) -> list[Thing]:
    """Those of the sets and kinds, at most ``most`` of each kind, spread over all sizes.

    Raises FileNotFoundError where photographs are asked for and a package of theirs is missing.
    """
    found = []
    for chosen in sets:
        for kind in kinds:
            count = len(_photographs(chosen)) if kind == PHOTOGRAPHS else EACH
            few = min(count, most or count)
            numbers = np.unique(np.linspace(0, count - 1, few).round().astype(int))
            found += [Thing(chosen, kind, int(number)) for number in numbers]
    return found


def show(thing: Thing) -> Shown:
    """The picture, and which pixels are the thing's."""
    if thing.photographed:
        return Shown(*_photographs(thing.chosen)[thing.number])
    life = still_life(thing.kind, thing.chosen, thing.number)
    return Shown(life.name, life.rgb, life.truth)


def sets_of(name: str) -> tuple[str, ...]:
    """One of SETS, or all of them for ``all``."""
    return SETS if name == "all" else (name,)


@cache
def _photographs(chosen: str) -> tuple[Outlined, ...]:
    return tuple(outlined(chosen))
