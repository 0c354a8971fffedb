"""Threads for what may hang, as a file server, a resolver or a peer does: they can be given up.

Python cannot stop a thread. One that hangs here holds up neither others, as one of a pool would, nor the end
of the process: they are daemons.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Generic, Self, TypeVar

from concurrency.priority_slots import Place, PrioritySlots, Shares, Urgency
from values.errors import ImageTimeout, Overloaded

T = TypeVar("T")
Result = TypeVar("Result")

GRACE_S = 10.0
"""How long a group that is told to stop is waited for."""


def begin_abandonable(work: Callable[[], Result], name: str) -> Future[Result]:
    """``work()``, begun in a thread of its own, in the caller's context.

    ``result(timeout_s)`` of the future waits so long at most.

    Raises RuntimeError where no thread can be started.
    """
    done: Future[Result] = Future()
    done.set_running_or_notify_cancel()  # so who stops waiting does not mark it as cancelled: it goes on

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    within = contextvars.copy_context()
    threading.Thread(target=within.run, args=(run,), name=name, daemon=True).start()
    return done


async def run_abandonable(work: Callable[[], Result], name: str) -> Result:
    """The result of ``work()`` in a thread of its own, which goes on when the caller is cancelled."""
    return await asyncio.wrap_future(begin_abandonable(work, name))


class AbandonableWorker:
    """Runs functions in threads, at most ``threads`` at once, each for at most ``timeout_s`` seconds.

    One that takes too long is given up on: its caller is told, its result is dropped, and it keeps its place
    until it ends, so that there are never more than ``threads`` of them. ``work`` names what is done, in
    sentences.

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
        """The message about work that takes too long."""
        return ImageTimeout(f"{self._work} took longer than {self._timeout_s:g} s")

    def _start(self, function: Callable[[], Result], place: Place) -> asyncio.Future[Result]:
        loop = asyncio.get_running_loop()

        def leave(begun: Future[Result]) -> None:
            # A closed loop refuses the call; then nobody waits for the place either.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(place.leave)

        try:
            begun = begin_abandonable(function, self._work)
        except RuntimeError:
            place.leave()
            raise Overloaded(
                f"no thread could be started for {self._work}; try again a little later"
            ) from None
        begun.add_done_callback(leave)
        return asyncio.wrap_future(begun)


class AbandonableGroup(Generic[T]):
    """Calls ``work`` with each thing it is given, at most ``size`` at once. Needs no event loop.

    Leaving it on an exception sets ``stopped`` and waits for what is under way, but at most ``GRACE_S``, or
    until the next Ctrl-C; after a Ctrl-C ``stopping`` is called first, with how many things that are.
    What ``work`` raises ends the group and is raised in ``give`` or ``finish``.
    """

    def __init__(
        self,
        size: int,
        work: Callable[[T], None],
        name: str,
        stopped: threading.Event,
        stopping: Callable[[int], None],
    ) -> None:
        self._size = size
        self._work = work
        self._name = name
        self._stopped = stopped
        self._stopping = stopping
        self._changed = threading.Condition()
        self._busy = 0
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop(told=isinstance(error, KeyboardInterrupt))

    def give(self, thing: T) -> None:
        """Have ``thing`` worked on; waits until there is room. Raises RuntimeError where no thread starts."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or self._busy < self._size)
            self._raise()
            self._busy += 1
            try:
                begin_abandonable(lambda: self._do(thing), self._name)
            except RuntimeError:
                self._busy -= 1
                raise

    def finish(self) -> None:
        """Wait until all that was given is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or not self._busy)
            self._raise()

    def _stop(self, *, told: bool) -> None:
        try:
            under_way = self._busy
            self._stopped.set()
            if told and under_way:
                self._stopping(under_way)
            deadline = time.monotonic() + GRACE_S
            with self._changed:
                self._changed.wait_for(lambda: not self._busy, max(0.0, deadline - time.monotonic()))
        except KeyboardInterrupt:
            return  # Ctrl-C once more: not even that long

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _do(self, thing: T) -> None:
        error: BaseException | None = None
        try:
            self._work(thing)
        except Exception as raised:
            error = raised
        with self._changed:
            self._busy -= 1
            self._error = self._error or error
            self._changed.notify_all()
