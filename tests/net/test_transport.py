from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from net import pace, transport
from net.addresses import AllowList, parse_url
from net.transport import Net
from testing.canary import CANARY
from tests.imaging.servers import FakeResolver, Handler, Request, Server, answer
from values.errors import ImageForbidden, ImageTimeout, ImageTooLarge, ImageUnreachable

Make = Callable[..., Net]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Net] = []

    def build(hosts: str = "127.0.0.1,public", resolver: Any = None, **options: Any) -> Net:
        built = ImageOptions.model_validate({"image_hosts": hosts, **options})
        net = Net(built, AllowList(built.image_hosts, None), resolver or FakeResolver())
        made.append(net)
        return net

    yield build
    for net in made:
        await net.aclose()


def allowing(server: Server, host: str = "127.0.0.1") -> str:
    return f"{host}:{server.port},public"


def at(server: Server, path: str = "/a.png", host: str = "127.0.0.1") -> httpx.URL:
    return parse_url(f"http://{host}:{server.port}{path}")


async def test_one_request_one_answer(make: Make, server: Server) -> None:
    server.routes["/a%20b.png"] = answer(200, b"image", X_Test="Yes")
    got = await make(allowing(server)).send("GET", at(server, "/a b.png?x=1"), {"Accept": "image/*"})
    assert (got.status, got.body, got.headers["x-test"]) == (200, b"image", "Yes")
    (request,) = server.requests
    assert request.target == "/a%20b.png?x=1"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["accept"] == "image/*"
    assert "cookie" not in request.headers


async def test_connects_to_the_checked_address_and_keeps_the_host(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"image")
    resolver = FakeResolver(images_test=[["127.0.0.1"], ["169.254.169.254"]])
    net = make(allowing(server, "images.test"), resolver)
    assert (await net.send("GET", at(server, host="images.test"), {})).body == b"image"
    assert server.requests[0].headers["host"] == f"images.test:{server.port}"
    assert resolver.asked == ["images.test"]


async def test_connections_are_kept(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"image")
    resolver = FakeResolver(images_test=[["127.0.0.1"]])
    net = make(allowing(server, "images.test"), resolver)
    for _ in range(3):
        await net.send("GET", at(server, host="images.test"), {})
    assert resolver.asked == ["images.test"]


async def test_the_name_goes_into_the_tls_handshake(make: Make) -> None:
    greeting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting.set_result(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        net = make(f"images.test:{port}", FakeResolver(images_test=[["127.0.0.1"]]))
        with pytest.raises(ImageUnreachable):
            await net.send("GET", parse_url(f"https://images.test:{port}/a.png"), {})
    assert b"images.test" in await greeting


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%eth0"], ["169.254.169.254"]],
)
async def test_a_public_name_with_any_private_address_is_refused(make: Make, addresses: list[str]) -> None:
    net = make("public", FakeResolver(rebind_test=[addresses]))
    with pytest.raises(ImageForbidden, match="IMAGE_HOSTS") as caught:
        await net.send("GET", parse_url("http://rebind.test/a.png?CANARY"), {})
    assert "CANARY" not in str(caught.value)
    assert not any(address in str(caught.value) for address in addresses)


async def test_a_host_that_cannot_be_allowed_is_not_even_resolved(make: Make) -> None:
    resolver = FakeResolver()
    net = make("minio:9000", resolver)
    with pytest.raises(ImageForbidden, match=r"add example\.org to IMAGE_HOSTS"):
        await net.send("GET", parse_url("http://example.org/a.png"), {})
    with pytest.raises(ImageForbidden, match=r"add minio:22 to IMAGE_HOSTS"):
        await net.send("GET", parse_url("http://minio:22/a.png"), {})
    assert resolver.asked == []


async def test_the_next_address_is_tried(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"image")
    resolver = FakeResolver(images_test=[["127.255.255.1", "::1", "127.0.0.1"]])
    net = make(allowing(server, "images.test"), resolver)
    assert (await net.send("GET", at(server, host="images.test"), {})).body == b"image"


async def test_nothing_listens(make: Make, server: Server) -> None:
    port = server.port
    await server.__aexit__(None, None, None)
    with pytest.raises(ImageUnreachable, match="no connection to http://127"):
        await make(f"127.0.0.1:{port}").send("GET", parse_url(f"http://127.0.0.1:{port}/"), {})


async def test_a_name_that_does_not_resolve(make: Make) -> None:
    async def failing(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(ImageUnreachable):
        await make("public", failing).send("GET", parse_url("http://nowhere.test/"), {})


async def test_a_resolver_that_never_answers(make: Make) -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    net = make("public", silent, connect_timeout_s=0.02)
    with pytest.raises(ImageTimeout, match=r"within 0\.02 s"):
        await net.send("GET", parse_url("http://slow.test/"), {})


async def test_a_silent_host(make: Make, server: Server) -> None:
    release = asyncio.Event()

    async def hold(request: Request, writer: asyncio.StreamWriter) -> None:
        await release.wait()

    server.routes["/a.png"] = hold
    net = make(allowing(server), read_timeout_s=0.02)
    with pytest.raises(ImageTimeout, match=r"silent for 0\.02 s"):
        await net.send("GET", at(server), {})
    release.set()


async def test_a_host_that_drips_its_head_has_not_begun(make: Make, server: Server) -> None:
    async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: 1\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    server.routes["/a.png"] = drip
    net = make(allowing(server), connect_timeout_s=0.05, read_timeout_s=0.05)
    with pytest.raises(ImageTimeout, match=r"did not begin its answer within 0\.1 s"):
        await net.send("GET", at(server), {})


async def test_a_host_that_drips_its_body_is_given_up(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "WINDOW_S", 0.02)
    server.routes["/a.png"] = _dripping
    with pytest.raises(ImageTimeout, match=rf"{server.url} sends less than 8 KiB a second"):
        await make(allowing(server)).send("GET", at(server), {})


async def _dripping(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.001)


@pytest.mark.parametrize(("length", "calls"), [(100, 0), (101, 1), (5000, 1)])
async def test_more_than_a_large_file_has_is_waited_for_once(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch, length: int, calls: int
) -> None:
    monkeypatch.setattr(transport, "LARGE_FILE", 100)
    grown: list[None] = []

    async def grows() -> None:
        grown.append(None)

    server.routes["/a.png"] = answer(200, b"x" * length)
    got = await make(allowing(server)).send("GET", at(server), {}, grows=grows)
    assert (len(got.body), len(grown)) == (length, calls)


def _endless(head: bytes, chunk: bytes) -> Handler:
    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        while True:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)  # draining alone does not let the reader run

    return handle


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (b"", b"x" * 1000),
        (b"Transfer-Encoding: chunked\r\n", b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
        (b"Content-Length: 99999999\r\n", b"x" * 1000),
        (b"Content-Length: 9" + b"0" * 18 + b"\r\n", b"x" * 1000),
    ],
)
async def test_endless_bodies_are_cut(make: Make, server: Server, head: bytes, chunk: bytes) -> None:
    server.routes["/a.png"] = _endless(head, chunk)
    net = make(allowing(server), max_image_mib=0.1)
    with pytest.raises(ImageTooLarge, match=r"more than 0\.1 MiB; raise MAX_IMAGE_MIB"):
        await net.send("GET", at(server), {})


async def test_a_body_of_exactly_the_limit_passes(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"x" * 1024)
    net = make(allowing(server), max_image_mib=1024 / 2**20)
    assert len((await net.send("GET", at(server), {})).body) == 1024
    server.routes["/a.png"] = answer(200, b"x" * 1025)
    with pytest.raises(ImageTooLarge):
        await net.send("GET", at(server), {})


async def test_content_length_that_promises_too_much(make: Make, server: Server) -> None:
    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        writer.close()

    server.routes["/a.png"] = handle
    with pytest.raises(ImageUnreachable, match="broke off"):
        await make(allowing(server)).send("GET", at(server), {})


async def test_content_length_that_promises_too_little(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"x" * 1000, content_length="10")
    net = make(allowing(server))
    assert (await net.send("GET", at(server), {})).body == b"x" * 10


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9" + b"0" * 40 + b"\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_what_is_not_http(make: Make, server: Server, garbage: bytes) -> None:
    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()

    server.routes["/a.png"] = handle
    with pytest.raises(ImageUnreachable):
        await make(allowing(server)).send("GET", at(server), {})


@pytest.mark.parametrize(("encoding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_bodies(
    make: Make, server: Server, encoding: str, packed: Callable[[bytes], bytes]
) -> None:
    content = bytes(range(256)) * 1000
    server.routes["/a.png"] = answer(200, packed(content), content_encoding=encoding)
    assert (await make(allowing(server)).send("GET", at(server), {})).body == content
    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_a_gzip_bomb_is_stopped_before_it_unfolds(make: Make, server: Server) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    server.routes["/a.png"] = answer(200, bomb, content_encoding="gzip")
    net = make(allowing(server), max_image_mib=0.2)
    assert len(bomb) < 0.1 * 2**20
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLarge):
            await net.send("GET", at(server), {})
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("encoding", "body"), [("br", b"x"), ("gzip", b"not gzip"), ("gzip, gzip", b"x")])
async def test_odd_compressions(make: Make, server: Server, encoding: str, body: bytes) -> None:
    server.routes["/a.png"] = answer(200, body, content_encoding=encoding)
    with pytest.raises(ImageUnreachable):
        await make(allowing(server)).send("GET", at(server), {})


async def test_the_body_of_an_error_is_not_read(make: Make, server: Server) -> None:
    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 9999\r\n\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    server.routes["/a.png"] = handle
    got = await make(allowing(server)).send("GET", at(server), {})
    assert (got.status, got.body) == (500, b"")


async def test_proxies_of_the_environment_are_ignored(
    make: Make, server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other.url)
    server.routes["/a.png"] = answer(200, b"image")
    assert (await make(allowing(server)).send("GET", at(server), {})).body == b"image"
    assert other.requests == []


async def test_nothing_secret_is_logged(make: Make, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.routes["/a.png"] = answer(302, location="/b.png?sig=CANARY", set_cookie="session=CANARY")
    net = make(allowing(server))
    got = await net.send("GET", at(server, "/a.png?sig=CANARY"), {"Authorization": "Token CANARY"})
    assert "CANARY" not in caplog.text
    assert "CANARY" not in repr(got) + repr(net)


async def test_cookies_are_not_kept(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, b"image", set_cookie="session=1")
    net = make(allowing(server))
    for _ in range(2):
        await net.send("GET", at(server), {})
    assert all("cookie" not in request.headers for request in server.requests)


async def test_public_hosts_are_asked_by_way_of_the_proxy(make: Make, server: Server) -> None:
    resolver = FakeResolver(images_example=[["93.184.215.14"]])
    proxy = f"http://user:{CANARY}@127.0.0.1:{server.port}"
    server.may_see_secrets = True  # it is the proxy whose password that is
    net = make("public", resolver, image_proxy=proxy)
    server.routes["/a.png"] = answer(200, b"pixels")
    found = await net.send("GET", parse_url("http://images.example/a.png"), {})
    assert found.body == b"pixels"
    [request] = server.requests
    assert request.target == "http://images.example/a.png"
    expected = base64.b64encode(f"user:{CANARY}".encode()).decode()
    assert request.headers["proxy-authorization"] == f"Basic {expected}"


async def test_a_name_that_only_the_proxy_knows_is_the_proxys_to_judge(make: Make, server: Server) -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise OSError

    net = make("public", unknown, image_proxy=server.url)
    server.routes["/a.png"] = answer(200, b"pixels")
    assert (await net.send("GET", parse_url("http://images.example/a.png"), {})).body == b"pixels"


async def test_what_may_not_be_asked_is_not_asked_by_way_of_the_proxy_either(
    make: Make, server: Server
) -> None:
    resolver = FakeResolver(images_example=[["10.0.0.1"]])
    net = make("public", resolver, image_proxy=server.url)
    for url in ("http://images.example/", "http://127.0.0.1/", "http://[::1]/", "http://images.example:81/"):
        with pytest.raises(ImageForbidden):
            await net.send("GET", parse_url(url), {})
    assert server.requests == []


async def test_named_hosts_are_asked_without_the_proxy(make: Make, server: Server, other: Server) -> None:
    other.routes["/a.png"] = answer(200, b"pixels")
    net = make(allowing(other), image_proxy=server.url)
    assert (await net.send("GET", parse_url(f"{other.url}/a.png"), {})).body == b"pixels"
    assert server.requests == []


async def test_a_proxy_that_refuses_is_named(make: Make, server: Server) -> None:
    net = make("public", FakeResolver(images_example=[["93.184.215.14"]]), image_proxy=server.url)
    with pytest.raises(ImageUnreachable, match=r"proxy in IMAGE_PROXY .*https://images\.example"):
        await net.send("GET", parse_url("https://images.example/a.png"), {})
    assert [request.method for request in server.requests] == ["CONNECT"]
