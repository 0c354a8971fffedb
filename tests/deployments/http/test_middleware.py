"""The door alone: who is let in, who is refused before anything is read."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest
from ray.serve._private.http_util import validate_http_proxy_callback_return
from starlette.middleware import Middleware

from deployments.http import middleware
from deployments.http.admission import CROWD, Admission
from deployments.http.middleware import AdmissionMiddleware, in_front, serves_here, visit_of
from deployments.http.request_guard import RequestGuard
from values.click_answer import QueueState

Message = MutableMapping[str, Any]
OPEN, FULL = QueueState("a", 0.0, 0.1, 1.5), QueueState("a", 60.0, 0.1, 1.5)


class Inside:
    """An application that answers what the test wants, and remembers who came."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.error: Exception | None = None
        self.during: Callable[[Message], None] = lambda scope: None

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        self.came.append(scope["path"])
        self.during(scope)
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.start", "status": 200, "headers": []})


def nothing() -> None:
    """Who is told of refusals that are none of the test's concern."""


async def ask(app: Callable[..., Awaitable[None]], path: str, kind: str = "http") -> list[Message]:
    """The messages with which a request is answered whose body never comes."""
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": kind, "path": path, "headers": []}, receive, send)
    return sent


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
def refused() -> list[int]:
    return []


@pytest.fixture
def admission() -> Admission:
    return Admission(1.0)


@pytest.fixture
def closed(inside: Inside, admission: Admission, refused: list[int]) -> AdmissionMiddleware:
    admission.heard(FULL)
    return AdmissionMiddleware(inside, lambda: admission, lambda: refused.append(1))


@pytest.mark.parametrize("path", ["/predict", "/predict/", "/sam/predict"])
async def test_a_click_is_refused_before_its_body_is_read(
    closed: AdmissionMiddleware, inside: Inside, refused: list[int], path: str
) -> None:
    start, body = await ask(closed, path)
    headers = dict(start["headers"])
    assert (start["status"], headers[b"retry-after"]) == (503, b"2")
    assert b'"overloaded"' in body["body"]
    assert (inside.came, refused) == ([], [1])


@pytest.mark.parametrize(
    "path", ["/health", "/", "/setup", "/webhook", "/embed", "/sam/health", "/predicted"]
)
async def test_everything_else_passes(closed: AdmissionMiddleware, inside: Inside, path: str) -> None:
    assert [each["status"] for each in await ask(closed, path)] == [200]
    assert inside.came == [path]


async def test_what_is_not_http_passes(closed: AdmissionMiddleware, inside: Inside) -> None:
    await ask(closed, "/predict", kind="websocket")
    assert inside.came == ["/predict"]


@pytest.mark.parametrize("error", [None, ValueError("broken")])
async def test_who_was_let_in_is_counted_until_the_answer(
    inside: Inside, admission: Admission, error: Exception | None
) -> None:
    counted: list[int] = []
    inside.during, inside.error = lambda scope: counted.append(admission.inside), error
    try:
        await ask(AdmissionMiddleware(inside, lambda: admission, nothing), "/predict")
    except ValueError:
        assert error is not None
    assert (counted, admission.inside) == ([1], 0)


async def test_a_door_behind_a_door_lets_in_who_is_inside(inside: Inside, admission: Admission) -> None:
    admission.heard(OPEN)
    inner = AdmissionMiddleware(inside, lambda: admission, nothing)

    async def serve(scope: Message, receive: Any, send: Any) -> None:
        admission.heard(FULL)
        await inner(scope, receive, send)

    await ask(AdmissionMiddleware(serve, lambda: admission, nothing), "/predict")
    assert inside.came == ["/predict"]


async def test_the_application_finds_the_visit(inside: Inside, admission: Admission) -> None:
    admission.heard(QueueState("a", 1.45, 0.1, 1.5))
    inside.during = lambda scope: visit_of(scope).is_click()
    await ask(AdmissionMiddleware(inside, lambda: admission, nothing), "/predict")
    assert admission.is_closed()


async def test_in_front_of_serve_it_is_the_ingress_of_the_process_that_decides(
    inside: Inside, admission: Admission, refused: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        middleware, "_Process", type("_Process", (), {"admission": None, "refused": staticmethod(list)})
    )
    door_in_front, entrance = validate_http_proxy_callback_return(in_front())
    assert isinstance(door_in_front, Middleware)
    assert entrance.cls is RequestGuard  # the last one is the first that a request meets
    app: Any = door_in_front.cls(inside, *door_in_front.args, **door_in_front.kwargs)
    await ask(app, "/predict")
    assert inside.came == ["/predict"]  # no ingress in this process
    admission.heard(FULL)
    serves_here(admission, lambda: refused.append(1))
    await ask(app, "/predict")
    assert (inside.came, refused) == (["/predict"], [1])


async def test_while_somebody_is_inside_it_is_looked_at_how_late_the_event_loop_is(
    admission: Admission,
) -> None:
    async def busy(scope: Message, receive: Any, send: Any) -> None:
        time.sleep(0.1)
        async with asyncio.timeout(30):
            while not admission.loop_lag.late_s:
                await asyncio.sleep(0)

    await ask(AdmissionMiddleware(busy, lambda: admission, nothing), "/predict")


async def test_who_sends_slowly_is_no_crowd(admission: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop is late for another reason: nobody is refused for those who keep to their line."""
    monkeypatch.setattr(type(admission.loop_lag), "late_s", 60.0)
    bodies: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Message) -> None:
        raise AssertionError("nobody is answered")

    async def read(scope: Message, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await asyncio.Event().wait()

    async def settle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    middleware = AdmissionMiddleware(read, lambda: admission, nothing)
    scope = {"type": "http", "path": "/predict", "headers": []}
    clients = [asyncio.ensure_future(middleware(dict(scope), bodies.get, send)) for _ in range(CROWD)]
    for more in (True, False):
        await settle()
        assert (admission.inside, admission.is_closed()) == (CROWD, False)
        for _ in clients:
            bodies.put_nowait({"type": "http.request", "body": b"{", "more_body": more})
    await settle()
    assert (admission.inside, admission.is_closed()) == (CROWD, True)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    assert (admission.inside, admission.is_closed()) == (0, False)


async def test_who_has_left_is_not_waited_for(admission: Admission, monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve stops to wait for a body only after the application has ended."""
    monkeypatch.setattr(type(admission.loop_lag), "late_s", 60.0)
    for _ in range(CROWD):
        visit = admission.enter()
        with visit.arriving():
            visit.leave()
    assert (admission.inside, admission.is_closed()) == (0, False)
