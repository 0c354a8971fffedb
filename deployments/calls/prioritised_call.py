"""A call to another deployment whose priority may change while it waits there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from concurrency.single_flight import Flight
from values.priority import Priority

T = TypeVar("T")


async def prioritised(flight: Flight, send: Callable[[Priority], Coroutine[Any, Any, T]]) -> T:
    """What ``send(priority)`` returns, sent once more whenever the flight's priority changes.

    The other side shares one piece of work among those who ask for the same, and takes the most urgent one's
    priority. So a call for a higher priority joins those before it; for a lower one the higher ones end.
    """
    calls: dict[Priority, asyncio.Task[T]] = {}
    try:
        while True:
            priority = flight.priority
            if priority not in calls:
                calls[priority] = asyncio.ensure_future(send(priority))
            for higher in [each for each in calls if each < priority]:
                calls.pop(higher).cancel()
            await _any(flight.priority_differs_from(priority), *calls.values())
            for asked in [each for each, call in calls.items() if call.done()]:
                # One that failed while another is under way says nothing yet: it may have been refused.
                if len(calls) == 1 or calls[asked].exception() is None:
                    return calls[asked].result()
                del calls[asked]
    finally:
        for call in calls.values():
            call.cancel()


async def _any(change: Coroutine[Any, Any, None], *calls: asyncio.Task[T]) -> None:
    """Wait until the change has come or one of the calls is done."""
    changing = asyncio.ensure_future(change)
    try:
        await asyncio.wait({changing, *calls}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        changing.cancel()
