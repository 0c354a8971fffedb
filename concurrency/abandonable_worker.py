"""Work off the event loop that can be given up on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from concurrency.priority_slots import Place, PrioritySlots, Shares, Urgency
from values.errors import ImageTimeout, Overloaded

Result = TypeVar("Result")


class Worker:
    """Runs functions in threads, at most ``threads`` at once, each for at most ``timeout_s`` seconds.

    Python cannot stop a thread. One that takes too long is given up on: its caller is told, its result is
    dropped, and it keeps its place until it ends, so that there are never more than ``threads`` of them. The
    threads are daemons: a stuck one does not keep the process from ending.

    What somebody waits for (``urgent``) gets the next free place; ``reserved`` places are for nothing else.
    """

    def __init__(self, threads: int, timeout_s: float, work: str, *, reserved: int = 0) -> None:
        self._places = PrioritySlots(threads, reserved=reserved)
        self._timeout_s = timeout_s
        self._work = work

    @property
    def wanted(self) -> int:
        """What runs, and what waits for a thread."""
        return self._places.wanted

    async def run(
        self, function: Callable[[], Result], urgent: bool | Urgency = True, shares: Shares = ()
    ) -> Result:
        """What ``function`` returns or raises. Raises Overloaded or ImageTimeout when it takes too long."""
        try:
            async with asyncio.timeout(self._timeout_s):
                place = await self._places.take(urgent, shares)
        except TimeoutError:
            raise Overloaded(f"too many images wait for {self._work}; try again a little later") from None
        done = self._start(function, place)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await done
        except TimeoutError:
            raise self.late() from None

    def late(self) -> ImageTimeout:
        """What is said of work that takes too long."""
        return ImageTimeout(f"{self._work} took longer than {self._timeout_s:g} s")

    def _start(self, function: Callable[[], Result], place: Place) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()

        def settle(result: Result | None, error: BaseException | None) -> None:
            place.leave()
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]  # None only if that is what it returned

        def work() -> None:
            result, error = None, None
            try:
                result = function()
            except BaseException as raised:
                error = raised
            # A closed loop refuses the call; then nobody waits for the result either.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result, error)

        try:
            threading.Thread(target=work, name=self._work, daemon=True).start()
        except RuntimeError:
            place.leave()
            raise Overloaded(
                f"no thread could be started for {self._work}; try again a little later"
            ) from None
        return done
