"""When a place was last swept, by whomever: the time of an object in it that every sweep writes anew."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import obstore

if TYPE_CHECKING:
    from obstore.store import ObjectStore

NAME = "last-sweep.txt"
_TEXT = b"The time of this file is that of the last sweep of these embeddings.\n"


async def seconds_since_sweep(store: ObjectStore, now: float, timeout_s: float) -> float:
    """Seconds since the last sweep began; infinity where there was none. ``now``: seconds since the epoch.

    Raises an error of obstore or TimeoutError.
    """
    try:
        async with asyncio.timeout(timeout_s):
            found = await obstore.head_async(store, NAME)
    except FileNotFoundError:
        return math.inf
    # Clocks differ: a time to come is now.
    return max(0.0, now - found["last_modified"].timestamp())


async def note_sweep(store: ObjectStore, timeout_s: float) -> None:
    """Let others know that a sweep begins. Raises an error of obstore or TimeoutError."""
    async with asyncio.timeout(timeout_s):
        await obstore.put_async(store, NAME, _TEXT, use_multipart=False)
