"""Wherever work is done for a request, it is known for which one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import context as spans
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from ray.serve import context as serve_context

from concurrency import detached as module
from concurrency.abandonable import run_abandonable
from concurrency.background import Background
from concurrency.single_flight import RecentAnswer, SingleFlight
from concurrency.threads import Threads
from deployments import request_context
from deployments.batcher import Batcher
from deployments.calls.call import call
from deployments.decode_queue import DecodeQueue
from deployments.request_context import follow_requests, is_traced, request_id
from testing.deployment_fakes import Handle


@pytest.fixture(autouse=True)
def _request(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is in a request of its own, in a replica that was made before."""
    monkeypatch.setattr(module, "_KEEPERS", [])
    follow_requests()
    serve_context._set_request_context(request_id="7e57", _internal_request_id="within", route="/predict")
    yield
    serve_context._unset_request_context()


async def current() -> tuple[str, str]:
    """The ids as work sees them: that of logs, and Serve's own."""
    found = serve_context._get_serve_request_context()
    return request_id(), found._internal_request_id


async def test_calls_keep_the_id_and_not_what_serve_cancels_by() -> None:
    handle = Handle({"ask": current})
    assert await call(lambda: handle.ask.remote(), timeout_s=9, what="asking") == ("7e57", "")


async def test_work_that_outlives_the_request_keeps_it() -> None:
    assert await SingleFlight[Any](9).run("a", lambda flight: current()) == ("7e57", "")
    assert await RecentAnswer(current, 9.0).answer() == ("7e57", "")
    seen: list[Any] = []

    async def note() -> None:
        seen.append(await current())

    background = Background(1)
    background.start(note())
    await background.drain()
    assert seen == [("7e57", "")]


async def test_threads_know_it() -> None:
    with Threads(1, "test") as threads:
        assert await threads.run(request_id) == "7e57"
        batcher = Batcher[int, str](lambda items: [request_id() for _ in items], threads, 4)
        assert await batcher.run("a", 1) == "7e57"
    assert await run_abandonable(request_id, "test") == "7e57"
    queue = DecodeQueue(1, 1.0)
    assert await queue.run(request_id) == "7e57"
    queue.threads.shutdown()


async def test_a_batch_is_its_first_requests() -> None:
    with Threads(1, "test") as threads:
        batcher = Batcher[int, str](lambda items: [request_id() for _ in items], threads, 1)

        async def ask(name: str) -> str:
            serve_context._set_request_context(request_id=name)
            return await batcher.run(name, 1)

        assert tuple(await asyncio.gather(ask("one"), ask("two"))) == ("one", "two")


async def test_without_a_request_nothing_is_made_up() -> None:
    serve_context._unset_request_context()
    assert await SingleFlight[Any](9).run("a", lambda flight: current()) == ("", "")


async def test_spans_are_kept_where_requests_are_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_traced()
    assert request_context._span not in module._KEEPERS, "nothing to pay for where nobody traces"
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    follow_requests()
    span = provider.get_tracer("test").start_span("click")
    token = spans.attach(trace.set_span_in_context(span))

    async def parent() -> Any:
        return trace.get_current_span().get_span_context()

    try:
        assert await SingleFlight[Any](9).run("a", lambda flight: parent()) == span.get_span_context()
    finally:
        spans.detach(token)
