"""The entrance alone: what is taken off a request, from where it comes, and how long its body may take."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from deployments.http import request_guard
from deployments.http.request_guard import ADDRESS, ConnectionQueues, RequestGuard, TimedBody, is_near
from values.request_limits import BODY_RATE, BODY_S, CLIENT, CONTROL_HEADERS, TOO_SLOW

Message = MutableMapping[str, Any]


class Inside:
    """An application that reads the whole body and answers, unless the client leaves."""

    def __init__(self) -> None:
        self.scopes: list[Message] = []
        self.read: list[Message] = []

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        while True:
            self.read.append(await receive())
            if self.read[-1]["type"] == "http.disconnect":
                return
            if not self.read[-1].get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def request(*headers: tuple[str, str], path: str = "/predict", client: str = "10.0.0.1") -> Message:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "client": (client, 1),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


async def ask(
    scope: Message,
    *pieces: bytes,
    ends: bool = True,
    behind_haproxy: bool = True,
    inside: Inside | None = None,
) -> list[Message]:
    """What is answered to a request whose body comes in ``pieces``, and unless it ``ends`` not to its end."""
    sent: list[Message] = []
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await RequestGuard(inside or Inside(), behind_haproxy, ConnectionQueues())(scope, receive, send)
    return sent


@pytest.mark.parametrize("name", [*CONTROL_HEADERS, "x-session_id", "serve_multiplexed_model_id", CLIENT])
async def test_what_serve_reads_is_taken_off(name: str) -> None:
    inside = Inside()
    scope = request((name, "\xff"), ("x-other", "kept"), ("x-serve-router-target", "a"))
    await ask(scope, inside=inside)
    assert inside.scopes[0]["headers"] == [(b"x-other", b"kept")]


async def test_haproxy_says_from_where_a_request_comes_and_nobody_else() -> None:
    behind, alone = request((CLIENT, "10.9.9.9")), request((CLIENT, "10.9.9.9"))
    await ask(behind, behind_haproxy=True)
    await ask(alone, behind_haproxy=False)
    assert (behind[ADDRESS], alone[ADDRESS]) == ("10.9.9.9", "10.0.0.1")


@pytest.mark.parametrize(
    ("address", "headers", "near"),
    [
        ("127.0.0.1", [], True),
        ("::1", [], True),
        ("127.0.0.1", [("x-forwarded-for", "127.0.0.1")], False),
        ("127.0.0.1", [("forwarded", "for=127.0.0.1")], False),
        ("127.0.0.1", [("via", "1.1 proxy")], False),
        ("10.0.0.1", [], False),
        ("nonsense", [], False),
        ("127.0.0.1", [("host", "127.0.0.1:9090")], True),
        ("::1", [("host", "[::1]:9090")], True),
        ("::1", [("host", "[::1]")], True),
        ("127.0.0.1", [("host", "Localhost:9090")], True),
        ("127.0.0.1", [("host", "rebound.example:9090")], False),
        ("127.0.0.1", [("host", "127.0.0.1.example")], False),
        ("127.0.0.1", [("host", "")], False),
    ],
)
async def test_near_is_who_asks_from_this_machine(
    address: str, headers: list[tuple[str, str]], near: bool
) -> None:
    scope = request((CLIENT, address), *headers)
    assert not is_near(scope)  # nobody has looked yet, and the header may be anybody's
    await ask(scope)
    assert is_near(scope) is near


@pytest.mark.parametrize("path", ["/-/routes", "/-/ROUTES", "/sam/-/routes"])
async def test_nobody_is_told_which_applications_there_are(path: str) -> None:
    inside = Inside()
    start, body = await ask(request(path=path), inside=inside)
    assert (start["status"], json.loads(body["body"])["error"]) == (404, "no_such_route")
    assert inside.scopes == []


async def test_serves_own_check_of_health_passes() -> None:
    inside = Inside()
    assert [each.get("status") for each in await ask(request(path="/-/healthz"), inside=inside)] == [
        200,
        None,
    ]


async def test_a_body_that_does_not_come_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_guard, "BODY_S", 0.01)
    inside = Inside()
    start, body = await ask(request(), b"{", ends=False, inside=inside)
    assert (start["status"], dict(start["headers"])[b"connection"]) == (408, b"close")
    assert json.loads(body["body"]) == {"error": "request_too_slow", "detail": TOO_SLOW}
    assert [each["type"] for each in inside.read] == ["http.request", "http.disconnect"]


async def test_what_has_answered_already_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_guard, "BODY_S", 0.01)

    class Early(Inside):
        async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await receive()

    assert [each["status"] for each in await ask(request(), ends=False, inside=Early())] == [413]


class Clock:
    """An event loop's time, as a body comes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)


@pytest.mark.parametrize(("rate", "arrives"), [(BODY_RATE, True), (BODY_RATE // 2, False)])
async def test_a_large_body_arrives_as_long_as_it_comes(
    monkeypatch: pytest.MonkeyPatch, rate: int, arrives: bool
) -> None:
    """Ten minutes of it, in pieces of five seconds."""
    clock = Clock(monkeypatch)

    async def receive() -> Message:
        clock.now += 5
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x" * (5 * rate), "more_body": clock.now < 600}

    body = TimedBody(receive)
    while (await body()).get("more_body"):
        pass
    assert body.is_late is not arrives


async def test_who_has_sent_much_may_not_be_silent_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    silent = asyncio.Event()

    async def receive() -> Message:
        if not silent.is_set():
            return {"type": "http.request", "body": b"x" * 2**20, "more_body": True}
        clock.now += BODY_S + 1
        await asyncio.Event().wait()
        raise AssertionError

    body = TimedBody(receive)
    for _ in range(100):
        await body()
    silent.set()
    assert (await body())["type"] == "http.disconnect"


async def test_an_answer_may_be_waited_for_longer_than_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    messages: list[Message] = [{"type": "http.request", "body": b"{}"}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        clock.now += 1000 if len(messages) == 1 else 0
        for _ in range(3):  # a time that is over would be noticed
            await asyncio.sleep(0)
        return messages.pop(0)

    body = TimedBody(receive)
    assert [(await body())["type"], (await body())["type"]] == ["http.request", "http.disconnect"]
    assert not body.is_late


async def test_of_one_address_only_so_many_are_inside_and_health_is_never_kept_waiting() -> None:
    came: list[str] = []
    leave = asyncio.Event()

    async def app(scope: Message, receive: Any, send: Any) -> None:
        came.append(scope["method"])
        await leave.wait()

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    front = RequestGuard(app, True, ConnectionQueues(1))
    scopes = [request(), request(), {**request(), "method": "GET", "path": "/health"}]
    tasks = [asyncio.create_task(front(scope, nothing, nothing)) for scope in scopes]
    for _ in range(3):
        await asyncio.sleep(0)
    assert came == ["POST", "GET"]
    leave.set()
    await asyncio.gather(*tasks)
    assert came == ["POST", "GET", "POST"]
