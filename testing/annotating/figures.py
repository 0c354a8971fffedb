"""What annotators noticed of an event: figures of the clicks between it and the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from testing.annotating.annotators import Click, Probe

OUTAGE_S = 2.0
"""Seconds without any answer that are allowed when the process that everybody connects to has died."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the application ``at`` a second of the monotonic clock."""

    what: str
    at: float


@dataclass(frozen=True, slots=True)
class Calm:
    """The 99th percentile in seconds when nothing happens: of all clicks, on known images, on new ones."""

    p99: float
    warm_p99: float
    cold_p99: float

    @classmethod
    def of(cls, clicks: Sequence[Click]) -> Calm:
        """From clicks while nothing happens. Raises RuntimeError if one of them was lost."""
        lost = [click for click in clicks if click.outcome != "right"]
        if lost or not clicks:
            raise RuntimeError(f"nothing died, and {len(lost)} of {len(clicks)} clicks failed: {lost[:3]}")
        return cls(
            p99([click.seconds for click in clicks]),
            p99([click.seconds for click in clicks if not click.cold]),
            p99([click.seconds for click in clicks if click.cold]),
        )

    def is_quick(self, click: Click) -> bool:
        """Whether a click was answered in at most twice what clicks take in calm weather."""
        return click.answered and click.seconds <= 2 * (self.cold_p99 if click.cold else self.warm_p99)


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of all events of one kind.

    ``lost``: how many clicks, by status or exception. ``late``: of these, those that were sent more than
    ``OUTAGE_S`` after the event. Seconds: ``p50``, ``p99`` and, of known images alone, ``warm_p99``;
    ``back``: until a click was answered as quickly as in calm weather; ``health_down``: /health without an
    answer in time. Of several events the worst one counts.
    """

    what: str
    events: int
    clicks: int
    lost: dict[str, int] = field(default_factory=dict)
    late: int = 0
    wrong: int = 0
    p50: float = 0.0
    p99: float = 0.0
    warm_p99: float = 0.0
    back: float = 0.0
    health_down: float = 0.0


def figures(
    what: str,
    events: Sequence[Event],
    clicks: Sequence[Click],
    probes: Sequence[Probe],
    calm: Calm,
    *,
    new_images: bool = False,
) -> Figures:
    """Figures of the events ``what`` among all ``events``, which are in order.

    An event has the clicks that ended after it and before the next one. ``new_images``: only clicks on new
    images tell whether what died is back.
    """
    last = max((*(click.ended for click in clicks), *(probe.ended for probe in probes)), default=0.0)
    starts = [event.at for event in events] + [last + 1]
    concerned = [(event.at, end) for event, end in zip(events, starts[1:], strict=True) if event.what == what]
    mine = [(at, click) for at, end in concerned for click in clicks if at <= click.ended < end]
    answered = [click for _, click in mine if click.answered]
    lost = [(at, click) for at, click in mine if not click.answered]
    return Figures(
        what,
        len(concerned),
        len(mine),
        dict(Counter(click.outcome for _, click in lost)),
        sum(click.sent > at + OUTAGE_S for at, click in lost),
        sum(click.outcome == "wrong" for _, click in mine),
        percentile([click.seconds for click in answered], 50),
        p99([click.seconds for click in answered]),
        p99([click.seconds for click in answered if not click.cold]),
        max(
            _back(at, end, [each for start, each in mine if start == at and each.cold >= new_images], calm)
            for at, end in concerned
        ),
        max(outage([probe for probe in probes if at <= probe.ended < end]) for at, end in concerned),
    )


def _back(at: float, end: float, clicks: Iterable[Click], calm: Calm) -> float:
    """Seconds until a click that was sent after ``at`` had a quick answer; until ``end`` where none had."""
    quick = [click.ended for click in clicks if click.sent >= at and calm.is_quick(click)]
    return min(quick, default=end) - at


def outage(probes: Sequence[Probe]) -> float:
    """The longest time without an answer in time, in seconds; 0 where every probe was answered."""
    longest, since = 0.0, None
    for probe in probes:
        if probe.up:
            longest, since = max(longest, probe.ended - since if since is not None else 0.0), None
        elif since is None:
            since = probe.sent
    if since is not None:
        longest = max(longest, probes[-1].ended - since)
    return longest


def p99(seconds: Sequence[float]) -> float:
    """The 99th percentile; 0 of none."""
    return percentile(seconds, 99)


def percentile(seconds: Sequence[float], percent: float) -> float:
    """The percentile by nearest rank; 0 of none."""
    ranked = sorted(seconds)
    return ranked[-(-len(ranked) * int(percent) // 100) - 1] if ranked else 0.0
