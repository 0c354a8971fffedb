from __future__ import annotations

import threading
from typing import Any

import pytest
from tenacity import Future, RetryCallState, Retrying, wait_none

from serve_app.cli import backend_client
from serve_app.cli.backend_client import pause
from serve_app.cli.connect.connection import Backend
from serve_app.cli.precompute.answers import (
    LONGEST_PAUSE_S,
    Image,
    Unanswered,
    read_image,
    refusal,
    seconds_after,
)
from serve_app.cli.precompute.backend import Encoder
from serve_app.cli.precompute.tasks import Project, Task
from tests.serve_app.cli.fake_backend import FakeBackend
from tests.serve_app.cli.fake_backend import refusal as refusing


def _state(error: Exception, attempt: int = 1) -> RetryCallState:
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    state.outcome = Future.construct(attempt, error, has_exception=True)
    return state


def test_the_backend_says_how_long_to_wait_at_least() -> None:
    assert pause(_state(Unanswered("overloaded", "busy", 40.0))) >= 40
    assert 0 <= pause(_state(Unanswered("timeout", "slow"))) <= 1


def test_without_a_word_it_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    error = Unanswered("timeout", "slow")
    assert [pause(_state(error, attempt)) for attempt in (1, 2, 3, 9)] == [1, 2, 4, 30]


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
    assert refusal(502, {}) == (
        "http_502",
        "the backend answers HTTP 502 Bad Gateway",
    )
    assert refusal(599, {"detail": None}) == ("http_599", "the backend answers HTTP 599")


def test_an_entry_of_the_answer() -> None:
    assert read_image({"task": 4, "state": "stored"}) == Image("stored")
    assert read_image({"state": "failed"}) == Image("failed", "failed", "no reason given")


BAD: list[Any] = [
    b"<html>",
    b"[]",
    b"{}",
    b'{"results": 3}',
    b'{"results": [3]}',
    b'{"results": [{"state": "new"}]}',
    b'{"results": [{}]}',
]


@pytest.mark.parametrize("content", BAD)
def test_what_is_no_answer_of_the_application(content: bytes) -> None:
    backend = FakeBackend()
    backend.replies.append((200, content, {}))
    with backend.serve() as url, Encoder(Backend(url), 1, threading.Event()) as encoder:
        with pytest.raises(Exception, match="does not answer /embed as this application does") as caught:
            encoder.embed(Task(1, {"image": "a"}, Project(1)))
        assert getattr(caught.value, "code", "") == "bad_answer"
        assert encoder.embed(Task(1, {"image": "a"}, Project(1))) == [Image("encoded")]


def test_nothing_is_tried_again_once_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_client, "BACK_OFF", wait_none())
    backend, stopped = FakeBackend(), threading.Event()
    backend.replies += [refusing(503, "overloaded", "busy", Retry_After="60")] * 9
    backend.arrived = lambda body: stopped.set()
    with backend.serve() as url, Encoder(Backend(url), 1, stopped) as encoder:
        with pytest.raises(Unanswered, match="stopped before the next attempt"):
            encoder.embed(Task(1, {"image": "a"}, Project(1)))
        assert len(backend.bodies) == 1


def test_a_wait_for_the_next_attempt_ends_when_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, stopped = FakeBackend(), threading.Event()
    backend.replies += [refusing(503, "overloaded", "busy")] * 2
    raised: list[str] = []

    def stop_then_wait(state: RetryCallState) -> float:
        stopped.set()
        return 600

    monkeypatch.setattr(backend_client, "BACK_OFF", stop_then_wait)
    with backend.serve() as url, Encoder(Backend(url), 1, stopped) as encoder:

        def embed() -> None:
            try:
                encoder.embed(Task(1, {"image": "a"}, Project(1)))
            except Unanswered as error:
                raised.append(error.code)

        waiting = threading.Thread(target=embed, daemon=True)
        waiting.start()
        waiting.join(60)
        assert (raised, len(backend.bodies)) == (["stopped"], 1)


def test_a_task_may_hold_anything_that_json_can() -> None:
    backend = FakeBackend()
    data = {"image": "a", "text": "half a pair \ud83d", "n": [1.5, None, {"é": True}]}
    with backend.serve() as url, Encoder(Backend(url), 1, threading.Event()) as encoder:
        assert encoder.embed(Task(1, data, Project(1))) == [Image("encoded")]
    assert backend.bodies[0]["tasks"] == [{"id": 1, "data": data}]
