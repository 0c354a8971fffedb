"""Blocking calls that may hang for good, as those to a file server do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """The result of ``work()``, run in a thread of its own.

    A thread that hangs holds up neither others, as one of a pool would, nor the end of the process.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        # Whoever waited may have left, and the loop may be closed.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if future.done() else result())

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            failure = error
            settle(lambda: future.set_exception(failure))
        else:
            settle(lambda: future.set_result(result))

    threading.Thread(target=run, name="embeddings-aside", daemon=True).start()
    return await future
