"""Figures of what honest annotators noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from testing.annotating.annotators import Click, Probe
from testing.annotating.figures import p99


@dataclass(frozen=True, slots=True)
class Clicks:
    """Seconds of the ``answered`` clicks, and the numbers of ``lost`` ones by what came instead."""

    answered: int
    p50: float
    p99: float
    worst: float
    lost_as: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """How many were not answered."""
        return sum(self.lost_as.values())

    @classmethod
    def of(cls, clicks: Iterable[Click]) -> Clicks:
        """Figures of these clicks. A lost click counts with the time until its loss was known."""
        clicks = list(clicks)
        seconds = sorted(click.seconds for click in clicks)
        answered = [click for click in clicks if click.answered]
        return cls(
            answered=len(answered),
            p50=seconds[len(seconds) // 2] if seconds else 0.0,
            p99=p99(seconds),
            worst=max(seconds, default=0.0),
            lost_as=dict(Counter(click.outcome for click in clicks if not click.answered)),
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """``first``: clicks on new images; ``warm``: clicks on known ones. ``health_s``: the slowest answer of
    /health. ``memory_mib``: the most that the application's processes held."""

    first: Clicks
    warm: Clicks
    wrong: int
    health_s: float
    memory_mib: float


def figures(
    clicks: Sequence[Click], probes: Sequence[Probe], memory_mib: float, began: float, ended: float
) -> Figures:
    """Figures of the clicks sent from ``began`` to ``ended``, in seconds of the monotonic clock."""
    sent = [click for click in clicks if began <= click.sent < ended]
    asked = [probe.ended - probe.sent for probe in probes if began <= probe.sent < ended]
    return Figures(
        first=Clicks.of(click for click in sent if click.cold),
        warm=Clicks.of(click for click in sent if not click.cold),
        wrong=sum(click.outcome == "wrong" for click in sent),
        health_s=max(asked, default=0.0),
        memory_mib=memory_mib,
    )
