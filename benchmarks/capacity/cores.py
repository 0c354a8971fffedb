"""Cores that work shares, and threads that work waits for: the parts of a simulation, by its own clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count

Then = Callable[[], None]
"""What comes after."""


class Clock:
    """Does things in the order of their times. ``now``: seconds since the beginning."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Then]] = []
        self._numbers = count()

    def at(self, seconds: float, then: Then) -> None:
        """Do it then; of two at the same time the first first."""
        heapq.heappush(self._events, (max(seconds, self.now), next(self._numbers), then))

    def run(self) -> None:
        """Until nothing is left to do."""
        while self._events:
            self.now, _, then = heapq.heappop(self._events)
            then()


class _Shared:
    """Jobs that share what there is for them in equal parts, each at most one core."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._served = 0.0  # core seconds that each job has got that was there all the time
        self._jobs: list[tuple[float, int, Then]] = []
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, seconds: float, then: Then) -> None:
        """A job of so many core seconds."""
        heapq.heappush(self._jobs, (self._served + seconds, next(self._numbers), then))

    def pass_by(self, seconds: float) -> None:
        """So much time has passed."""
        self._served += seconds * self.rate

    def left_s(self) -> float:
        """Seconds until the next job is done, if nothing changes."""
        return (
            max(0.0, self._jobs[0][0] - self._served) / self.rate
            if self._jobs and self.rate
            else float("inf")
        )

    def done(self) -> Then:
        """Take away the job that is done."""
        self._served = max(self._served, self._jobs[0][0])
        return heapq.heappop(self._jobs)[2]


class Cores:
    """``cores`` that jobs share. Event loops come before decodes, as Linux is told that they do."""

    def __init__(self, clock: Clock, cores: float) -> None:
        self._clock = clock
        self._cores = cores
        self._loops, self._decodes = _Shared(), _Shared()
        self._at = 0.0
        self._version = 0

    @property
    def busy(self) -> int:
        """Jobs in work."""
        return len(self._loops) + len(self._decodes)

    def work(self, seconds: float, then: Then, *, decode: bool = False) -> None:
        """A job of so many core seconds, and what comes after it."""
        self._catch_up()
        (self._decodes if decode else self._loops).add(seconds, then)
        self._share()

    def _catch_up(self) -> None:
        for each in (self._loops, self._decodes):
            each.pass_by(self._clock.now - self._at)
        self._at = self._clock.now

    def _share(self) -> None:
        left = self._cores
        for each in (self._loops, self._decodes):
            each.rate = min(1.0, left / len(each)) if len(each) else 0.0
            left = max(0.0, left - len(each) * each.rate)
        self._version += 1
        version = self._version
        soonest = min((self._loops, self._decodes), key=_Shared.left_s)
        if len(soonest) and soonest.rate:
            self._clock.at(self._clock.now + soonest.left_s(), lambda: self._end(version, soonest))

    def _end(self, version: int, which: _Shared) -> None:
        if version != self._version:
            return  # something came in between
        self._catch_up()
        then = which.done()
        self._share()
        then()


class Threads:
    """``count`` threads that work on ``cores``; who comes when all are busy waits, the oldest first.

    ``cores``: None where the work takes time and no core.
    """

    def __init__(self, clock: Clock, count: int, cores: Cores | None) -> None:
        self._clock = clock
        self._idle = count
        self._cores = cores
        self._waiting: deque[tuple[float, Then]] = deque()

    def run(self, seconds: float, then: Then) -> None:
        """Work of so many seconds, and what comes after it."""
        if not self._idle:
            self._waiting.append((seconds, then))
            return
        self._idle -= 1
        if self._cores is None:
            self._clock.at(self._clock.now + seconds, lambda: self._end(then))
        else:
            self._cores.work(seconds, lambda: self._end(then), decode=True)

    def _end(self, then: Then) -> None:
        self._idle += 1
        if self._waiting:
            self.run(*self._waiting.popleft())
        then()
