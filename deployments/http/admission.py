"""Whether a click that comes now would be answered in time, told before anybody has read it.

The decoders say with each answer how long their queues are. In between, time passes and clicks are let in,
and both are counted here: each decoder's queue drains a second a second and grows by each click, as far as
clicks come to a decode at all. Those on images that cannot be had, or on hosts that stall, do not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deployments.http.loop_lag import LoopLag
from deployments.running_mean import RunningMean
from values.click_answer import QueueState

FORGET_S = 30.0
"""A decoder that has sent nothing for so long does not count: it may be gone."""

UNREAD_S = 0.2
"""A request that has not been read for so long comes over a slow line: it takes no decoder's time yet."""

NEWEST_CLICK = 0.05
"""Weight of the newest click in the share of those that come to a decode."""

LATE = 0.05
"""How late this replica's event loop may be, as a share of what a click may wait. What is let in until it is
seen makes it later still."""
CROWD = 16
"""Requests inside from which on they are what makes the loop late, and not other work on the machine. A click
that waits for a decoder or its image takes nothing of the loop, nor does what is inside for so long that it
must wait for something else."""


@dataclass(slots=True)
class _Known:
    queue: QueueState
    heard: float
    wait_s: float
    at: float

    def wait(self, now: float) -> float:
        """Seconds a click would wait there."""
        return max(0.0, self.wait_s - (now - self.at))


class Visit:
    """A request from its admission to its answer: nobody knows what it is until it has been read."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    def is_click(self) -> None:
        """It is one, and on its way to a decoder. Once."""
        self._admission.sent(self)

    def failed(self) -> None:
        """There was nothing to decode for it: its image cannot be had. Once."""
        self._admission.failed()

    @contextlib.contextmanager
    def arriving(self) -> Iterator[None]:
        """Inside of it the next part of its body is waited for."""
        self._admission.arrives(self)
        try:
            yield
        finally:
            self._admission.came(self)

    def leave(self) -> None:
        """It is answered. Once."""
        self._admission.left(self)


class Admission:
    """What one ingress replica knows of the decoders' queues and of its own. Used from one event loop.

    ``max_wait_s``: how long a click may wait. ``inside``: admitted requests without an answer.
    """

    def __init__(self, max_wait_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._visits: set[Visit] = set()
        self.loop_lag = LoopLag(lambda: self.inside > 0)
        self._late_s = LATE * max_wait_s
        self._busy_s = max_wait_s
        self._clock = clock
        self._decoders: dict[str, _Known] = {}
        self._decoded = RunningMean(NEWEST_CLICK, start=1.0)
        self._unread: dict[Visit, float] = {}
        self._busy: dict[Visit, float] = {}

    @property
    def inside(self) -> int:
        """How many are."""
        return len(self._visits)

    def is_closed(self) -> bool:
        """Whether a click that comes now would wait too long, here or for a decoder."""
        crowded = _younger(self._busy, self._clock() - self._busy_s) >= CROWD
        return (crowded and self.loop_lag.late_s > self._late_s) or self._decoders_full()

    def _decoders_full(self) -> bool:
        """Whether every decoder that is known has all it can answer in time.

        A request whose image has an owner with a short queue must not be refused for the long one of another;
        that one refuses it itself.
        """
        now = self._clock()
        known = self._known(now)
        if not known:
            return False
        coming_s = self._undecided(now) * self._share(known)
        return all(each.wait(now) + coming_s > each.queue.max_wait_s for each in known)

    def enter(self) -> Visit:
        """Somebody is let in."""
        visit = Visit(self)
        self._visits.add(visit)
        self._unread[visit] = self._busy[visit] = self._clock()
        return visit

    def left(self, visit: Visit) -> None:
        """Somebody has an answer."""
        self._visits.discard(visit)
        self._unread.pop(visit, None)
        self._busy.pop(visit, None)

    def arrives(self, visit: Visit) -> None:
        """The client is still connected, and delays nobody."""
        self._unread.pop(visit, None)
        self._busy.pop(visit, None)

    def came(self, visit: Visit) -> None:
        """And has sent something, or has left meanwhile."""
        if visit in self._visits:
            self._unread[visit] = self._busy[visit] = self._clock()

    def sent(self, visit: Visit) -> None:
        """A click goes to a decoder: to which one, the router decides."""
        self._unread.pop(visit, None)
        self._busy.pop(visit, None)
        now = self._clock()
        known = self._known(now)
        share = self._share(known)
        for each in known:
            each.wait_s, each.at = each.wait(now) + share, now

    def failed(self) -> None:
        """A click took nothing of a decoder's time."""
        self._decoded.add(0)

    def heard(self, queue: QueueState) -> None:
        """A decoder has answered."""
        self._decoded.add(1)
        now = self._clock()
        self._decoders[queue.decoder] = _Known(queue, now, queue.wait_s, now)

    def _undecided(self, now: float) -> int:
        """Requests that are likely to be clicks on their way: the oldest of the unread are slow to arrive."""
        return _younger(self._unread, now - UNREAD_S)

    def _known(self, now: float) -> list[_Known]:
        gone = [name for name, each in self._decoders.items() if now - each.heard > FORGET_S]
        for name in gone:
            del self._decoders[name]
        return list(self._decoders.values())

    def _share(self, known: list[_Known]) -> float:
        """By how much a click lengthens each queue in the mean, in seconds."""
        return self._decoded.value * sum(each.queue.interval_s for each in known) / max(1, len(known)) ** 2


def _younger(visits: dict[Visit, float], than: float) -> int:
    """How many of the ``visits``, which are in order, are not older; the others are forgotten."""
    while visits and next(iter(visits.values())) < than:
        del visits[next(iter(visits))]
    return len(visits)
