"""Places for work; what somebody waits for gets the next one. Nothing here knows what the work is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


class Urgency:
    """Whether somebody waits for a piece of work; who joins it later may ``promote`` it, at any time.

    Used from one event loop, like everything here.
    """

    def __init__(self, urgent: bool) -> None:
        self._urgent = urgent
        self._watching: list[Callable[[], None]] = []

    @classmethod
    def of(cls, urgent: bool | Urgency) -> Urgency:
        """``urgent`` itself, or an urgency that nobody else holds."""
        return urgent if isinstance(urgent, Urgency) else cls(urgent)

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for it."""
        return self._urgent

    def promote(self) -> None:
        """Somebody waits for it now: it is served with what is urgent, wherever it waits."""
        if not self._urgent:
            self._urgent = True
            for told in tuple(self._watching):
                told()

    def watch(self, told: Callable[[], None]) -> None:
        """Call ``told`` when this is promoted, until ``unwatch``."""
        self._watching.append(told)

    def unwatch(self, told: Callable[[], None]) -> None:
        """Undo one ``watch``."""
        with suppress(ValueError):
            self._watching.remove(told)


@dataclass(frozen=True, slots=True)
class Share:
    """Whose work it is, and how many places whoever that is may hold at once."""

    of: Hashable
    most: int


Shares = Sequence[Share]
"""The work counts for each of them. The first one is whose turn it is."""


@dataclass(eq=False)
class Place:
    """A place that is held until ``leave``; ``urgent`` is what its work was when it started."""

    slots: PrioritySlots = field(repr=False)
    urgent: bool
    shares: Shares = ()
    _held: bool = True

    def leave(self) -> None:
        """Give it back. A second time does nothing."""
        if self._held:
            self._held = False
            self.slots.left(self)


@dataclass(eq=False)
class _Waiting:
    urgency: Urgency
    shares: Shares
    place: asyncio.Future[Place]


class PrioritySlots:
    """``count`` places. Urgent work gets the next free one, in the order in which it came.

    While both wait, one start in ``share`` is of what nobody waits for: it goes on, but never first.
    ``reserved`` places are for urgent work only, so that it need not wait until something else ends.

    Work of a holder that has as many places as it may waits for one of these, and delays nobody else. Of the
    others the holder with the fewest places comes first.
    """

    def __init__(self, count: int, share: int = 4, reserved: int = 0) -> None:
        self._count = self._free = count
        self._free_for_others = count - reserved
        self._share = share
        self._since_others = 0
        self._held: Counter[Hashable] = Counter()
        self._waiting: list[_Waiting] = []

    @property
    def wanted(self) -> int:
        """Places that are held, and those that are waited for."""
        return self._count - self._free + len(self._waiting)

    @asynccontextmanager
    async def place(self, urgent: bool | Urgency = True, shares: Shares = ()) -> AsyncIterator[Place]:
        """Hold a place inside the block."""
        place = await self.take(urgent, shares)
        try:
            yield place
        finally:
            place.leave()

    async def take(self, urgent: bool | Urgency = True, shares: Shares = ()) -> Place:
        """Wait for a place; who calls must give it back with ``Place.leave``."""
        urgency = Urgency.of(urgent)
        waiting = _Waiting(urgency, shares, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        urgency.watch(self._serve)
        self._serve()
        try:
            return await waiting.place
        except asyncio.CancelledError:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif not waiting.place.cancelled():
                waiting.place.result().leave()
            raise
        finally:
            urgency.unwatch(self._serve)

    def left(self, place: Place) -> None:
        """A place is free again."""
        self._free += 1
        self._free_for_others += not place.urgent
        for share in place.shares:
            self._held[share.of] -= 1
            if not self._held[share.of]:
                del self._held[share.of]
        self._serve()

    def _serve(self) -> None:
        while self._free > 0 and (waiting := self._next()) is not None:
            urgent = waiting.urgency.urgent
            self._waiting.remove(waiting)
            if not waiting.place.done():  # else it was cancelled, and does not know it yet
                self._free -= 1
                self._free_for_others -= not urgent
                self._held.update(share.of for share in waiting.shares)
                waiting.place.set_result(Place(self, urgent, waiting.shares))

    def _next(self) -> _Waiting | None:
        able = [each for each in self._waiting if self._may_have_one(each)]
        # Of those that hold as few, the first: min keeps their order.
        urgent = min((each for each in able if each.urgency.urgent), key=self._holds, default=None)
        other = min((each for each in able if not each.urgency.urgent), key=self._holds, default=None)
        if other is None or self._free_for_others <= 0:
            return urgent
        if urgent is not None and self._since_others < self._share - 1:
            self._since_others += 1
            return urgent
        self._since_others = 0
        return other

    def _may_have_one(self, waiting: _Waiting) -> bool:
        return all(self._held[share.of] < share.most for share in waiting.shares)

    def _holds(self, waiting: _Waiting) -> int:
        return self._held[waiting.shares[0].of] if waiting.shares else 0
