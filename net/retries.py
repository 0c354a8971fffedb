"""Which requests are sent again: those that change nothing, after failures that may pass in a moment."""

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
"""Seconds. A host that asks for a longer pause in Retry-After is not asked again, because a click waits."""

_PASSING = frozenset({429, 502, 503, 504})
_FIRST_WAIT_S = 0.1


class Answered(Protocol):
    """What of an answer decides about another try."""

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
    """Call ``ask`` up to ``TRIES`` times; what it returns or raises at last.

    It is called again when a connection could not be made or broke before an answer, and after 429, 502, 503
    and 504. It is not called again after silence, which has used up the time, nor when the pause would end
    later than ``within_s`` seconds after the start.
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
    """Whether another try may succeed after this error, which came before an answer."""
    if isinstance(error, RemoteProtocolError):
        # Without a context the connection was closed, perhaps because it was kept too long. With one, h11
        # found something that is not HTTP.
        return error.__context__ is None
    if isinstance(error, NoSuchName) or is_tls(error) or exhausted(error, "") is not None:
        return False
    return isinstance(error, NetworkError)


def pause_after(state: RetryCallState) -> float:
    """Seconds to wait: what Retry-After says, else a short pause that grows with each try."""
    outcome = state.outcome
    if outcome is not None and not outcome.failed:
        said = retry_after(outcome.result().headers.get("retry-after", ""), time.time())
        if said is not None:
            return said
    # A restart breaks many connections at once: without the spread all would come back in the same moment.
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
