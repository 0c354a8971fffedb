"""The rows of the comparison: what was measured on both sides, and the goals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from benchmarks.peer.clicking import Answer, Crowd
from benchmarks.peer.verdicts import Alone

GOAL_CROWD = 8
"""Annotators of the goal for clicks per second."""

CROWD_GOAL = 25.0

_SAID = 200  # characters of an error


class Kind(StrEnum):
    """Clicks of one annotator."""

    FIRST = "first click"
    NEXT = "next click"
    AGAIN = "revisited image"


_GOALS: dict[tuple[Kind, int], float] = {
    (Kind.FIRST, 2): 2.5,
    (Kind.FIRST, 12): 2.5,
    (Kind.NEXT, 2): 2.0,
    (Kind.NEXT, 12): 4.0,
    (Kind.AGAIN, 2): 20.0,
    (Kind.AGAIN, 12): 20.0,
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of the clicks that were answered; not a number where there are none."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latency:
        """The percentiles, each of which is the time of one real click."""
        if not seconds:
            return cls(float("nan"), float("nan"), float("nan"))
        return cls(*(float(np.percentile(seconds, share, method="higher")) for share in (50, 95, 99)))


@dataclass(frozen=True, slots=True)
class Figures:
    """One side. ``rate``: answers per second. ``errors``: clicks without an answer; ``wrong``: with another
    mask.

    ``said``: what came instead of the first missing answer.
    """

    clicks: int
    latency: Latency
    rate: float
    errors: int
    wrong: int
    said: str = ""

    @classmethod
    def of(cls, answers: Sequence[Answer], seconds: float, alone: Alone) -> Figures:
        """Of clicks that took ``seconds`` together."""
        times = [answer.seconds for answer in answers if answer.well]
        failed = [answer.body.decode(errors="replace")[:_SAID] for answer in answers if not answer.well]
        rate, wrong = len(times) / seconds, alone.wrong(answers)
        return cls(len(answers), Latency.of(times), rate, len(failed), wrong, *failed[:1])

    @classmethod
    def of_crowds(cls, crowds: Sequence[Crowd], alone: Alone) -> Figures:
        """Of all turns of a side."""
        answers = [answer for crowd in crowds for answer in crowd.answers]
        return cls.of(answers, sum(crowd.seconds for crowd in crowds), alone)


@dataclass(frozen=True, slots=True)
class Row:
    """``name``: what is clicked. ``goal``: the least ratio, if one is set."""

    name: str
    peer: Figures
    ours: Figures
    ratio: float
    goal: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is, with no click of ours wrong or without an answer; None without a goal."""
        if self.goal is None:
            return None
        return self.ratio >= self.goal and not self.ours.wrong and not self.ours.errors


def latency_row(kind: Kind, megapixels: int, peer: Figures, ours: Figures) -> Row:
    """One annotator; the ratio is one of medians."""
    ratio = peer.latency.p50 / ours.latency.p50
    return Row(f"{kind}, {megapixels} MP", peer, ours, ratio, _GOALS.get((kind, megapixels)))


def crowd_row(annotators: int, think: float, peer: Figures, ours: Figures) -> Row:
    """Many annotators; the ratio is one of clicks per second."""
    who = "1 annotator" if annotators == 1 else f"{annotators} annotators"
    goal = CROWD_GOAL if (annotators, think) == (GOAL_CROWD, 0) else None
    ratio = ours.rate / peer.rate if peer.rate else float("inf")
    return Row(f"{who}, {f'think {think:g} s' if think else 'no pause'}", peer, ours, ratio, goal)
