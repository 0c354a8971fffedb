"""Who may sweep a place: one process at a time, of all that write there, whichever cluster they are of.

A term of office is an object whose name counts up, and stores let one writer alone make it: S3, GCS and Azure
by a condition on the request, a file system by a hard link. Who holds the newest term sweeps, and writes its
object anew while it does. One that nobody writes anew is over: whoever sees that begins the next.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, NotSupportedError

from stores.clouds import status_in

if TYPE_CHECKING:
    from obstore.store import ObjectStore

BEAT_S = 30.0
"""So often the holder says that it still sweeps."""

DEAD_S = 240.0
"""Whose term has not changed for so long is dead; three times ``timeout_s`` where that is longer."""

FOLDER = "sweeper"
_NAME = re.compile(rf"{FOLDER}/(\d{{9}})\.json")
_NO_CONDITIONS = 501
"""What stores answer that know no conditional requests."""


class LeaseLost(Exception):
    """Another process sweeps the place now."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A term as it was when it was first seen so, at ``at`` seconds of the clock."""

    number: int
    text: bytes
    at: float


class SweeperLease:
    """The right to sweep one place, as one process asks for it. ``clock``: seconds; no other clock counts, so
    machines need not agree on the time. Methods raise an error of obstore or TimeoutError, after
    ``timeout_s`` for each request."""

    def __init__(self, timeout_s: float, clock: Callable[[], float]) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._dead_s = max(DEAD_S, 3 * timeout_s)
        self._own = uuid.uuid4().hex
        self._seen: _Seen | None = None
        self._number: int | None = None
        self._beats = 0
        self._beaten = 0.0
        self._beating = asyncio.Lock()

    async def take(self, store: ObjectStore) -> bool:
        """Whether this process may sweep from now on. Ask again later if not: a holder that died is known by
        a term that is the same ``DEAD_S`` after it was seen first."""
        numbers = await self._numbers(store)
        if not numbers:
            return await self._begin(store, 1)
        newest = max(numbers)
        text = await self._read(store, newest)
        if _is_over(text):
            return await self._begin(store, newest + 1)
        if self._seen is None or (self._seen.number, self._seen.text) != (newest, text):
            self._seen = _Seen(newest, text, self._clock())
        return self._clock() - self._seen.at >= self._dead_s and await self._begin(store, newest + 1)

    async def renew(self, store: ObjectStore) -> None:
        """Call often while sweeping; says now and then that it goes on. Raises LeaseLost."""
        async with self._beating:
            if self._clock() - self._beaten < BEAT_S:
                return
            number = self._number
            if number is None or max(await self._numbers(store), default=0) != number:
                self._number = None
                raise LeaseLost
            await self._write(store, number, sweeping=True)

    async def release(self, store: ObjectStore) -> None:
        """The sweep is over; the next one may be anybody's."""
        number, self._number = self._number, None
        if number is not None:
            await self._write(store, number, sweeping=False)

    async def _begin(self, store: ObjectStore, number: int) -> bool:
        if not await self._is_made(store, number):
            return False
        # Whoever was slow may have made a term that others ended and removed long ago.
        numbers = await self._numbers(store)
        if number != max(numbers, default=0):
            await self._remove(store, number)
            return False
        self._number = number
        for older in numbers:
            if older != number:
                await self._remove(store, older)
        return True

    async def _is_made(self, store: ObjectStore, number: int) -> bool:
        self._beats = 0
        try:
            await self._write(store, number, sweeping=True, new=True)
        except AlreadyExistsError:
            return False
        except Exception as error:
            if not isinstance(error, NotSupportedError) and status_in(error) != _NO_CONDITIONS:
                raise
            # The last of those who write at once has it then.
            await self._write(store, number, sweeping=True)
            return self._own.encode() in await self._read(store, number)
        return True

    async def _write(self, store: ObjectStore, number: int, *, sweeping: bool, new: bool = False) -> None:
        self._beats += 1
        state = {"sweeper": self._own, "sweeping": sweeping, "said so": self._beats}
        async with asyncio.timeout(self._timeout_s):
            await obstore.put_async(
                store,
                _name(number),
                json.dumps(state).encode(),
                mode="create" if new else "overwrite",
                use_multipart=False,
            )
        self._beaten = self._clock()

    async def _read(self, store: ObjectStore, number: int) -> bytes:
        """What the term says; nothing where it has just been removed."""
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await obstore.get_async(store, _name(number))
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return b""

    async def _numbers(self, store: ObjectStore) -> list[int]:
        async with asyncio.timeout(self._timeout_s):
            found = await obstore.list_with_delimiter_async(store, FOLDER)
        named = (_NAME.fullmatch(each["path"]) for each in found["objects"])
        return [int(match[1]) for match in named if match]

    async def _remove(self, store: ObjectStore, number: int) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await obstore.delete_async(store, _name(number))
        except FileNotFoundError:
            pass  # another one was faster


def _name(number: int) -> str:
    return f"{FOLDER}/{number:09}.json"


def _is_over(text: bytes) -> bool:
    """Whether its holder said so; what cannot be read is not, until it is dead."""
    try:
        state = json.loads(text)
    except ValueError:
        return False
    return isinstance(state, dict) and state.get("sweeping") is False
