"""What the command line asks for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peer import turns, weights

LONE, CROWD = "lone", "crowd"
CROWD_MEGAPIXELS = 2

# For each annotator of a turn, in the unit of the bar, which is a click of a lone annotator or about a
# second: a turn waits for the answers to clicks that have begun, and the peer answers slowly.
_DRAIN_UNITS = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. ``images``: for a lone annotator at each of ``megapixels``. ``parts``: LONE, CROWD.

    ``annotators``, ``thinks``: each of one with each of the other, ``seconds`` for every turn of a side.
    """

    model: str
    checkpoint: Path
    parts: tuple[str, ...]
    megapixels: tuple[int, ...]
    images: int
    repeats: int
    annotators: tuple[int, ...]
    thinks: tuple[float, ...]
    seconds: float

    def counts(self) -> dict[int, int]:
        """Megapixels -> how many pictures are needed, one of them to warm up."""
        found = dict.fromkeys(self.megapixels, self.images) if LONE in self.parts else {}
        if CROWD in self.parts:
            found[CROWD_MEGAPIXELS] = max(found.get(CROWD_MEGAPIXELS, 0), *self.annotators)
        smallest = min(found)
        return {size: count + (size == smallest) for size, count in found.items()}

    def turn_units(self, annotators: int) -> float:
        """What a crowd's turn takes."""
        return self.seconds + _DRAIN_UNITS * annotators

    def units(self) -> float:
        """How much work it is, in the unit of the bar."""
        total = 0.0
        if LONE in self.parts:
            total += len(self.megapixels) * turns.lone_clicks(self.images, self.repeats)
        if CROWD in self.parts:
            each = sum(self.turn_units(annotators) for annotators in self.annotators)
            total += 2 * 2 * max(self.annotators) + 4 * len(self.thinks) * each
        return total


def plan_of(asked: argparse.Namespace, folder: Path) -> Plan:
    """What the command line asks for; stand-in weights go to ``folder``."""
    checkpoint = asked.checkpoint or weights.write(asked.model, folder / f"{asked.model}.pt")
    parts = (asked.only,) if asked.only else (LONE, CROWD)
    if asked.quick:
        return Plan(asked.model, checkpoint, parts, (2,), 2, 1, (2,), (0.0,), 1.0)
    sizes, crowd = tuple(sorted(set(asked.megapixels))), tuple(sorted(set(asked.annotators)))
    thinks = tuple(sorted(set(asked.think)))
    return Plan(
        asked.model, checkpoint, parts, sizes, asked.images, asked.repeats, crowd, thinks, asked.seconds
    )
