"""Which requests are sent again: those that ask only, and that a moment later may well be answered."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from httpcore import NetworkError, RemoteProtocolError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
)

from net.sockets import NoSuchName
from net.tls import is_tls
from values.exhaustion import exhausted

TRIES = 3
MAX_WAIT_S = 4.0
"""Whoever asks for a longer pause in Retry-After is not asked again: somebody waits for the answer."""

_PASSING = frozenset({429, 502, 503, 504})
_FIRST_WAIT_S = 0.1


class Answered(Protocol):
    """What of an answer counts here."""

    @property
    def status(self) -> int:
        """The status of HTTP."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with lower-case names."""


Result = TypeVar("Result", bound=Answered)


async def with_retries(
    ask: Callable[[], Awaitable[Result]], within_s: float, sleep: Callable[[float], Awaitable[None]]
) -> Result:
    """What ``ask`` returns or raises, in the end: asked up to ``TRIES`` times.

    Again after a broken connection before an answer, after one that could not be made, and after 429, 502,
    503 and 504; not after silence, which has cost the time already, nor when the pause would end later than
    ``within_s`` seconds after the start.
    """
    until = time.monotonic() + within_s

    def stop(state: RetryCallState) -> bool:
        pause = state.upcoming_sleep
        late = pause > MAX_WAIT_S or time.monotonic() + pause >= until
        return late or state.attempt_number >= TRIES

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_passing) | retry_if_result(lambda answer: answer.status in _PASSING),
        stop=stop,
        wait=pause_after,
        sleep=sleep,
        retry_error_callback=_as_it_came,
    )
    return await retrying(ask)


def is_passing(error: BaseException) -> bool:
    """Whether the next try may end otherwise than in this error, which came before an answer."""
    if isinstance(error, RemoteProtocolError):
        # Of itself: the connection was closed, one that was kept too long perhaps. Else h11 found no HTTP.
        return error.__context__ is None
    if isinstance(error, NoSuchName) or is_tls(error) or exhausted(error, "") is not None:
        return False
    return isinstance(error, NetworkError)


def pause_after(state: RetryCallState) -> float:
    """Seconds to wait: what Retry-After says, else a little, and more each time."""
    outcome = state.outcome
    if outcome is not None and not outcome.failed:
        said = retry_after(outcome.result().headers.get("retry-after", ""), time.time())
        if said is not None:
            return said
    # Not all at the same moment, where a restart broke the connections of many.
    spread = random.uniform(0.5, 1.0)  # noqa: S311
    return spread * _FIRST_WAIT_S * 4.0 ** (state.attempt_number - 1)


def retry_after(said: str, now: float) -> float | None:
    """Seconds from a Retry-After header, which has a number or a date; None for anything else."""
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _as_it_came(state: RetryCallState) -> Answered:
    assert state.outcome is not None  # noqa: S101 - it is called with one
    return state.outcome.result()  # type: ignore[no-any-return]  # or raises
