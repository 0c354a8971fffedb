"""Several ways to do the same work, measured in turn, so that other work on the machine slows all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Threads of a pool spin for a moment after their work; without a pause that CPU time would count for the
# next.
_SETTLE_S = 0.01


@dataclass(frozen=True, slots=True)
class Turn(Generic[Result]):
    """One call. ``cpu``: seconds of this process, all threads. ``wall``: seconds. ``result``: its answer."""

    cpu: float
    wall: float
    result: Result


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call takes: median CPU seconds and median wall seconds."""

    cpu: float
    wall: float


def take_turns(
    calls: Mapping[str, Callable[[Item], Result]], items: Sequence[Item], after: Callable[[], None]
) -> dict[str, list[Turn[Result]]]:
    """Each call's turns, one for each item, in order; ``after`` is called after every turn.

    Calls never overlap. Their order changes from item to item, so that none always follows the same other.
    """
    names = list(calls)
    turns: dict[str, list[Turn[Result]]] = {name: [] for name in names}
    for index, item in enumerate(items):
        first = index % len(names)
        for name in names[first:] + names[:first]:
            turns[name].append(_measured(calls[name], item))
            after()
    return turns


def cost(turns: Sequence[Turn[Result]]) -> Cost:
    """The medians of all turns but the first, which warms up. Raises ValueError for fewer than two."""
    if len(turns) < 2:
        raise ValueError("a cost needs a turn to warm up and one that counts")
    return Cost(
        statistics.median(turn.cpu for turn in turns[1:]), statistics.median(turn.wall for turn in turns[1:])
    )


def _measured(call: Callable[[Item], Result], item: Item) -> Turn[Result]:
    time.sleep(_SETTLE_S)
    cpu, wall = time.process_time(), time.perf_counter()
    result = call(item)
    return Turn(time.process_time() - cpu, time.perf_counter() - wall, result)
