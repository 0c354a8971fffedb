from __future__ import annotations

import threading
from typing import Any

import pytest
from tenacity import RetryCallState, wait_none

from label_studio.ml_backends import Backend
from label_studio.projects import Project
from serve_app.cli import backend_client
from serve_app.cli.backend_client import Unanswered
from serve_app.cli.precompute.embed_route import EmbedRoute, Image, read_image
from serve_app.cli.precompute.task_sources import PLAIN_CONFIG, Task
from tests.serve_app.cli.fake_backend import FakeBackend, refusal

PROJECT = Project(1, label_config=PLAIN_CONFIG)


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
    with backend.serve() as url, EmbedRoute(Backend(url), 1, threading.Event()) as route:
        with pytest.raises(Exception, match="does not answer /embed as this application does") as caught:
            route.embed(Task(1, {"image": "a"}, PROJECT))
        assert getattr(caught.value, "code", "") == "bad_answer"
        assert route.embed(Task(1, {"image": "a"}, PROJECT)) == [Image("encoded")]


def test_nothing_is_tried_again_once_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_client, "BACK_OFF", wait_none())
    backend, stopped = FakeBackend(), threading.Event()
    backend.replies += [refusal(503, "overloaded", "busy", Retry_After="60")] * 9
    backend.arrived = lambda body: stopped.set()
    with backend.serve() as url, EmbedRoute(Backend(url), 1, stopped) as route:
        with pytest.raises(Unanswered, match="stopped before the next attempt"):
            route.embed(Task(1, {"image": "a"}, PROJECT))
        assert len(backend.bodies) == 1


def test_a_wait_for_the_next_attempt_ends_when_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, stopped = FakeBackend(), threading.Event()
    backend.replies += [refusal(503, "overloaded", "busy")] * 2
    raised: list[str] = []

    def stop_then_wait(state: RetryCallState) -> float:
        stopped.set()
        return 600

    monkeypatch.setattr(backend_client, "BACK_OFF", stop_then_wait)
    with backend.serve() as url, EmbedRoute(Backend(url), 1, stopped) as route:

        def embed() -> None:
            try:
                route.embed(Task(1, {"image": "a"}, PROJECT))
            except Unanswered as error:
                raised.append(error.code)

        waiting = threading.Thread(target=embed, daemon=True)
        waiting.start()
        waiting.join(60)
        assert (raised, len(backend.bodies)) == (["stopped"], 1)


def test_a_task_may_hold_anything_that_json_can() -> None:
    backend = FakeBackend()
    data = {"image": "a", "text": "half a pair \ud83d", "n": [1.5, None, {"é": True}]}
    with backend.serve() as url, EmbedRoute(Backend(url), 1, threading.Event()) as route:
        assert route.embed(Task(1, data, PROJECT)) == [Image("encoded")]
    assert backend.bodies[0]["tasks"] == [{"id": 1, "data": data}]
