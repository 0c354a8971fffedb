"""Threads that work on a few things at once and can be left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

GRACE_S = 10.0
"""How long a crew that is told to stop is waited for."""


class Crew(Generic[T]):
    """``size`` threads that call ``work`` with each thing they are given, no more than ``size`` at a time.

    Leaving it on an exception sets ``stopped`` and waits for what is under way, but at most ``GRACE_S``, or
    until the next Ctrl-C; after a Ctrl-C ``stopping`` is called first, with how many things that are.
    What ``work`` raises ends the crew and is raised in ``give`` or ``finish``.
    """

    def __init__(
        self,
        size: int,
        work: Callable[[T], None],
        stopped: threading.Event,
        stopping: Callable[[int], None],
    ) -> None:
        self._size = size
        self._work = work
        self._stopped = stopped
        self._stopping = stopping
        self._given: SimpleQueue[T | None] = SimpleQueue()
        self._changed = threading.Condition()
        self._busy = 0
        self._error: BaseException | None = None
        # Not those of an executor: the interpreter would wait at its end until the last request is answered.
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(size)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stop(told=isinstance(error, KeyboardInterrupt))
        for _ in self._threads:
            self._given.put(None)
        if not self._busy:
            for thread in self._threads:
                thread.join()

    def give(self, thing: T) -> None:
        """Have ``thing`` worked on; waits until somebody is free."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or self._busy < self._size)
            self._raise()
            self._busy += 1
        self._given.put(thing)

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

    def _run(self) -> None:
        while (thing := self._given.get()) is not None:
            error: BaseException | None = None
            try:
                self._work(thing)
            except Exception as raised:
                error = raised
            with self._changed:
                self._busy -= 1
                self._error = self._error or error
                self._changed.notify_all()
