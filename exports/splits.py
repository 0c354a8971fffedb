"""Splits of a data set: which part of it a task is in, always the same one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_PART = 2**64


@dataclass(frozen=True, slots=True)
class Splits:
    """Named parts with their shares, which add up to 1. Without any there is one part, of no name.

    A task's part is drawn by a hash of its number and its project's: whoever exports again, with tasks added
    or taken away, finds it where it was, and all images of a task are in the same part.
    """

    shares: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, text: str) -> Splits:
        """As in "train=80,val=10,test=10": any numbers in the proportion of the parts. Raises ValueError."""
        weights: dict[str, float] = {}
        for part in text.split(","):
            name, equals, number = (piece.strip() for piece in part.partition("="))
            if not equals or not _NAME.fullmatch(name) or name.lower() in map(str.lower, weights):
                raise ValueError("must look like train=80,val=20, each name once")
            try:
                weights[name] = float(number)
            except ValueError:
                raise ValueError(f"{name} needs a number, as in {name}=80") from None
            if not 0 < weights[name] < 1e9:
                raise ValueError(f"{name} needs a number over 0")
        total = sum(weights.values())
        return cls(tuple((name, weight / total) for name, weight in weights.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """The parts; one without a name where there is no split."""
        return tuple(name for name, _ in self.shares) or ("",)

    def part(self, project: int, task: int) -> str:
        """The part that a task is in."""
        digest = hashlib.sha256(f"{project}:{task}".encode()).digest()
        drawn, reached = int.from_bytes(digest[:8], "big") / _PART, 0.0
        for name, share in self.shares:
            reached += share
            if drawn < reached:
                return name
        return self.names[-1]
