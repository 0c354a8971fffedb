from __future__ import annotations

import pytest
from tenacity import Future, RetryCallState, Retrying

from serve_app.cli.backend_client import (
    ATTEMPTS,
    LONGEST_PAUSE_S,
    Unanswered,
    pause,
    refusal,
    seconds_after,
)


def _state(error: Exception, attempt: int = 1) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    state.outcome = Future.construct(attempt, error, has_exception=True)
    return state


def test_the_backend_says_how_long_to_wait_at_least() -> None:
    assert pause(_state(Unanswered("overloaded", "busy", 40.0))) >= 40
    assert 1 <= pause(_state(Unanswered("timeout", "slow"))) <= 2


def test_without_a_word_it_waits_longer_each_time_and_a_minute_in_all() -> None:
    error = Unanswered("timeout", "slow")
    pauses = [pause(_state(error, attempt)) for attempt in range(1, ATTEMPTS)]
    assert [int(each) for each in pauses] == [1, 2, 4, 8, 16, 16, 16]
    assert 60 < sum(pauses) < 75


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("999999", LONGEST_PAUSE_S),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0),
        ("-3", 0.0),
        ("٣", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after(header: str, seconds: float) -> None:
    assert seconds_after(header) == seconds


def test_a_refusal_is_one_plain_line_whoever_it_is_of() -> None:
    said = {"error": "overloaded", "detail": "a\x1b]0;title\x07\n b"}
    assert refusal(503, said) == ("overloaded", "a?]0;title? b")
    assert refusal(502, {}) == ("http_502", "the backend answers HTTP 502 Bad Gateway")
    assert refusal(599, {"detail": None}) == ("http_599", "the backend answers HTTP 599")
