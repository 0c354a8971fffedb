from __future__ import annotations

import asyncio
import email.utils
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpcore
import pytest
import pytest_asyncio
from tenacity import AsyncRetrying, Future, RetryCallState

from imaging.options import ImageOptions
from label_studio.api import Address
from label_studio.tokens import LabelStudioTokens, Token
from net.addresses import AllowList, parse_url
from net.answer import Answer
from net.resolver import resolve
from net.retries import MAX_WAIT_S, TRIES, pause_after, retry_after
from net.transport import Net
from tests.imaging.servers import Handler, LabelStudio, Request, Server, answer
from values.errors import ImageForbidden, ImageTimeout, ImageUnreachable, Overloaded

Ask = Callable[..., Any]


@pytest_asyncio.fixture
async def ask(server: Server) -> AsyncIterator[Ask]:
    """Ask the server for /a.png, all times by one Net."""
    made: list[Net] = []

    async def send(
        method: str = "GET", resolver: Any = resolve, host: str = "127.0.0.1", **options: Any
    ) -> Answer:
        if not made:
            built = ImageOptions.model_validate({"image_hosts": f"{host}:{server.port}", **options})
            made.append(Net(built, AllowList(built.image_hosts, None), resolver))
        return await made[0].send(method, parse_url(f"http://{host}:{server.port}/a.png"), {})

    yield send
    for net in made:
        await net.aclose()


def in_turn(*handlers: Handler) -> Handler:
    """Each handler once, the last one for ever."""
    left = list(handlers)

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return handle


async def closes(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


async def breaks_off(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    writer.close()


@pytest.mark.parametrize("first", [closes, resets, *[answer(status) for status in (429, 502, 503, 504)]])
async def test_what_passes_is_asked_for_again(
    ask: Ask, server: Server, pauses: list[float], first: Handler
) -> None:
    server.routes["/a.png"] = in_turn(first, first, answer(200, b"image"))
    assert (await ask()).body == b"image"
    assert len(server.requests) == TRIES == 3
    assert 0 < pauses[0] < pauses[1] < 1


async def test_a_connection_that_was_kept_too_long_fails_no_image(ask: Ask, server: Server) -> None:
    server.routes["/a.png"] = in_turn(answer(200, b"one"), closes, answer(200, b"two"))
    assert [(await ask()).body, (await ask()).body] == [b"one", b"two"]


@pytest.mark.parametrize("always", [closes, resets])
async def test_there_is_an_end_of_it(ask: Ask, server: Server, always: Handler) -> None:
    server.routes["/a.png"] = always
    with pytest.raises(ImageUnreachable, match="broke off its answer or does not speak HTTP"):
        await ask()
    assert len(server.requests) == TRIES


async def test_the_last_answer_is_the_answer(ask: Ask, server: Server) -> None:
    server.routes["/a.png"] = answer(503)
    assert (await ask()).status == 503
    assert len(server.requests) == TRIES


@pytest.mark.parametrize(
    "only", [breaks_off, *[answer(status) for status in (400, 401, 403, 404, 408, 410, 500, 501)]]
)
async def test_what_stays_is_asked_for_once(ask: Ask, server: Server, only: Handler) -> None:
    server.routes["/a.png"] = only
    try:
        await ask()
    except ImageUnreachable:
        assert only is breaks_off
    assert len(server.requests) == 1


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_what_is_not_http_is_asked_once(ask: Ask, server: Server, garbage: bytes) -> None:
    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()

    server.routes["/a.png"] = handle
    with pytest.raises(ImageUnreachable):
        await ask()
    assert len(server.requests) == 1


async def test_silence_is_not_asked_again(ask: Ask, server: Server) -> None:
    async def hold(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    server.routes["/a.png"] = hold
    with pytest.raises(ImageTimeout):
        await ask(read_timeout_s=0.02)
    assert len(server.requests) == 1


async def test_only_what_asks_is_sent_again(ask: Ask, server: Server) -> None:
    server.routes["/a.png"] = closes
    with pytest.raises(ImageUnreachable):
        await ask("POST")
    assert len(server.requests) == 1


async def test_a_token_is_asked_for_again(label_studio: LabelStudio) -> None:
    refresh, broken = label_studio.handle, [closes]

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        await (broken.pop() if broken else refresh)(request, writer)

    label_studio.handle = handle  # type: ignore[method-assign]
    options = ImageOptions(label_studio_url=label_studio.address)
    net = Net(options, AllowList([f"127.0.0.1:{label_studio.port}"], None))
    url = parse_url(f"{label_studio.address}/api/token/refresh/")
    try:
        token = Token(label_studio.personal_token, Address(label_studio.address, "LABEL_STUDIO_URL"), "")
        assert (await LabelStudioTokens(url, token, net).header()).startswith("Bearer ")
    finally:
        await net.aclose()
    assert label_studio.refreshes == 1


async def test_nobody_listens_for_a_moment(ask: Ask, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.routes["/a.png"] = answer(200, b"image")
    real, refused = httpcore.AnyIOBackend.connect_tcp, [OSError(errno.ECONNREFUSED, "refused")]

    async def connect(self: Any, *given: Any, **more: Any) -> Any:
        if refused:
            raise httpcore.ConnectError from refused.pop()
        return await real(self, *given, **more)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    assert (await ask()).body == b"image"


@pytest.mark.parametrize(
    ("failure", "sentence", "asked"),
    [
        (socket.gaierror(socket.EAI_NONAME, ""), "there is no host of the name images.test", 1),
        (OSError("no such name"), "there is no host of the name images.test", 1),
        (socket.gaierror(socket.EAI_AGAIN, ""), "no name server answers", TRIES),
    ],
)
async def test_names(ask: Ask, failure: OSError, sentence: str, asked: int) -> None:
    lookups = []

    async def resolver(host: str, port: int) -> list[str]:
        lookups.append(host)
        raise failure

    with pytest.raises(ImageUnreachable, match=sentence):
        await ask(resolver=resolver, host="images.test")
    assert len(lookups) == asked


async def test_a_forbidden_address_is_not_asked_for_again() -> None:
    lookups = []

    async def resolver(host: str, port: int) -> list[str]:
        lookups.append(host)
        return ["127.0.0.1"]

    net = Net(ImageOptions(), AllowList(["public"], None), resolver)
    with pytest.raises(ImageForbidden):
        await net.send("GET", parse_url("http://images.test/a.png"), {})
    assert len(lookups) == 1
    await net.aclose()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "no open files left for fetching images"),
        (socket.gaierror(socket.EAI_MEMORY, ""), "no memory left for fetching images"),
        (RuntimeError("can't start new thread"), "no thread could be started for looking up"),
    ],
)
async def test_a_lookup_that_the_machine_cannot_do(ask: Ask, failure: Exception, sentence: str) -> None:
    async def resolver(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(Overloaded, match=sentence):
        await ask(resolver=resolver, host="images.test")


async def test_no_descriptor_for_a_connection_is_the_machines_fault(
    ask: Ask, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **more: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(socket, "socket", none_left)  # what asyncio makes its connections with
        with pytest.raises(Overloaded, match=r"no open files left for fetching images; .*ulimit -n"):
            await ask()
    server.routes["/a.png"] = answer(200, b"image")
    assert (await ask()).body == b"image"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("0", 0), ("3", 3), (email.utils.formatdate(1002, usegmt=True), 2), (email.utils.formatdate(1), 0)],
)
def test_retry_after(said: str, seconds: float) -> None:
    assert retry_after(said, 1000.0) == seconds


@pytest.mark.parametrize("said", ["", "soon", "-1", "1.5", "١", "Tue, 99 Foo 99999 99:99:99 GMT"])
def test_retry_after_that_says_nothing(said: str) -> None:
    assert retry_after(said, 1000.0) is None


async def test_retry_after_is_waited_for(ask: Ask, server: Server, pauses: list[float]) -> None:
    server.routes["/a.png"] = in_turn(answer(503, retry_after="2"), answer(200, b"image"))
    assert (await ask()).body == b"image"
    assert pauses == [2.0]


@pytest.mark.parametrize(("said", "within_s"), [(MAX_WAIT_S + 1, 60), (2, 1.5), (10**30, 60)])
async def test_what_takes_too_long_to_wait_for_is_the_answer(
    ask: Ask, server: Server, pauses: list[float], said: float, within_s: float
) -> None:
    server.routes["/a.png"] = answer(503, retry_after=str(int(said)))
    assert (await ask(image_timeout_s=within_s)).status == 503
    assert (len(server.requests), pauses) == (1, [])


def test_pauses_grow_and_are_not_the_same_for_all() -> None:
    def pause(attempt: int) -> float:
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = attempt
        state.outcome = Future(attempt)
        state.outcome.set_exception(ssl.SSLError())
        return pause_after(state)

    for attempt, longest in ((1, 0.1), (2, 0.4)):
        taken = {pause(attempt) for _ in range(20)}
        assert len(taken) > 1
        assert longest / 2 <= min(taken) <= max(taken) <= longest
