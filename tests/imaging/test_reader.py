from __future__ import annotations

import asyncio
import base64
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpcore
import numpy as np
import pytest
import pytest_asyncio

from concurrency.priority_slots import Urgency
from imaging.background_reads import READS_OF_A_HOST
from imaging.decoders import Decoders, Whose
from imaging.options import ImageOptions
from imaging.reader import LARGE_VALUE, ImageReader
from net import transport
from net.host_places import OF_A_PROJECT_AT_A_HOST
from net.large_files import OF_A_PROJECT
from testing.image_files import SMALL, encoded, quarters
from tests.imaging.servers import LabelStudio, Request, Server, answer, jwt
from values.errors import (
    ImageCorrupt,
    ImageError,
    ImageForbidden,
    ImageMissing,
    ImageTooLarge,
    ImageUnauthorized,
    NotAnImage,
    Overloaded,
)
from values.image import ImageSource, ModelSize, Pixels

Make = Callable[..., ImageReader]
PNG = encoded(quarters())
UPLOAD = "/data/upload/3/a.png"


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    made: list[ImageReader] = []

    def build(**options: Any) -> ImageReader:
        made.append(ImageReader(ImageOptions.model_validate(options)))
        return made[-1]

    yield build
    for reader in made:
        await reader.aclose()


def source(value: str) -> ImageSource:
    return ImageSource(value, project="3", task=42)


async def test_an_upload_of_label_studio(make: Make, label_studio: LabelStudio) -> None:
    label_studio.files[UPLOAD] = PNG
    reader = make(label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token)
    pixels = await reader.read(source(UPLOAD), SMALL)
    assert (pixels.width, pixels.height, pixels.rgb.shape) == (40, 20, (16, 32, 3))


async def test_a_file_as_it_is_whatever_it_holds(make: Make, label_studio: LabelStudio) -> None:
    label_studio.files[UPLOAD] = b"no picture"
    reader = make(label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token)
    assert await reader.file(source(UPLOAD)) == b"no picture"
    with pytest.raises(ImageMissing, match="cannot read the image of task 42"):
        await reader.file(source("/data/upload/3/gone.png"))
    with pytest.raises(ImageForbidden, match="of task 42"):
        await reader.file(source("http://127.0.0.1:1/a.png"))


async def test_an_image_of_the_web(make: Make, server: Server) -> None:
    server.routes["/a.png"] = answer(200, PNG)
    reader = make(image_hosts=f"127.0.0.1:{server.port}")
    assert (await reader.read(source(f"{server.url}/a.png"), SMALL)).width == 40


async def test_a_data_url(make: Make) -> None:
    value = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert (await make().read(source(value), SMALL)).width == 40


async def test_a_mounted_file_without_http(make: Make, label_studio: LabelStudio, tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "é x.png").write_bytes(PNG)
    reader = make(label_studio_url=label_studio.address, local_files_document_root=tmp_path)
    value = "/data/local-files/?d=local/%C3%A9%20x.png"
    assert (await reader.read(source(value), SMALL)).width == 40
    assert label_studio.requests == []


async def test_a_file_that_is_not_mounted_comes_over_http(
    make: Make, label_studio: LabelStudio, tmp_path: Path
) -> None:
    label_studio.files["/data/local-files/?d=b.png"] = PNG
    reader = make(
        label_studio_url=label_studio.address,
        label_studio_api_key=label_studio.personal_token,
        local_files_document_root=tmp_path,
    )
    assert (await reader.read(source("/data/local-files/?d=b.png"), SMALL)).width == 40


@pytest.mark.parametrize(
    "path", ["../secret.png", "..%2fsecret.png", "/etc/passwd", "a%00.png", "..%252fsecret.png"]
)
async def test_a_mounted_folder_is_not_left_and_http_not_tried(
    make: Make, label_studio: LabelStudio, tmp_path: Path, path: str
) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    root = tmp_path / "root"
    root.mkdir()
    reader = make(label_studio_url=label_studio.address, local_files_document_root=root)
    with pytest.raises(ImageForbidden, match="of task 42"):
        await reader.read(source(f"/data/local-files/?d={path}"), SMALL)
    assert label_studio.requests == []


async def test_a_missing_file_without_label_studio(make: Make, tmp_path: Path) -> None:
    reader = make(local_files_document_root=tmp_path)
    with pytest.raises(ImageMissing, match="of task 42: there is no such file"):
        await reader.read(source("/data/local-files/?d=b.png"), SMALL)


async def test_sentences_name_the_task_once(make: Make, server: Server, label_studio: LabelStudio) -> None:
    server.routes["/page"] = answer(200, b"<!doctype html><title>Log in</title>")
    server.routes["/cut"] = answer(200, PNG[:60])
    server.routes["/huge"] = answer(200, b"x" * 2_000_000)
    reader = make(
        image_hosts=f"127.0.0.1:{server.port}", label_studio_url=label_studio.address, max_image_mib=1
    )
    expected: dict[str, type[ImageError]] = {
        f"{server.url}/page": NotAnImage,
        f"{server.url}/cut": ImageCorrupt,
        f"{server.url}/huge": ImageTooLarge,
        f"{server.url}/none": ImageMissing,
        "http://example.org/a.png": ImageForbidden,
        "data:,": ImageCorrupt,
        "": ImageMissing,
        UPLOAD: ImageUnauthorized,
        "s3://bucket/a.png": ImageUnauthorized,
    }
    for value, error in expected.items():
        with pytest.raises(error) as caught:
            await reader.read(source(value), SMALL)
        assert caught.type is error
        assert caught.value.detail.startswith("cannot read the image of task 42: ")
        assert caught.value.detail.count("cannot read") == 1


async def test_a_failure_is_not_remembered(make: Make, server: Server) -> None:
    reader = make(image_hosts=f"127.0.0.1:{server.port}")
    server.routes["/a.png"] = answer(500)
    with pytest.raises(ImageError):
        await reader.read(source(f"{server.url}/a.png"), SMALL)
    server.routes["/a.png"] = answer(200, PNG)
    assert (await reader.read(source(f"{server.url}/a.png"), SMALL)).width == 40


async def test_many_at_once_and_one_poisoned(make: Make, server: Server) -> None:
    server.routes["/good.png"] = answer(200, PNG)
    server.routes["/bad.png"] = answer(200, PNG[:60])
    reader = make(image_hosts=f"127.0.0.1:{server.port}")
    names = ["good", "good", "bad", "good"] * 5
    results = await asyncio.gather(
        *(reader.read(source(f"{server.url}/{name}.png"), SMALL) for name in names), return_exceptions=True
    )
    for name, result in zip(names, results, strict=True):
        assert isinstance(result, Pixels if name == "good" else ImageCorrupt)


HOSTILE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://localhost/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://1.1.1.1:22/",
    "http://1.1.1.1:6379/",
    "http://public@127.0.0.1/",
    "http://1.1.1.1@127.0.0.1/",
    "http://1.1.1.1\\@127.0.0.1/",
    "http://1.1.1.1#@127.0.0.1:80\\/",
    "http://127.0.0.1\t/",
    "http://127%2e0%2e0%2e1/",
    "http://①②⑦.0.0.1/",
    "http://[::1%25lo]/",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "ftp://1.1.1.1/",
    "gopher://127.0.0.1:6379/_x",
    "dict://127.0.0.1:11211/",
    "unix:///var/run/docker.sock",
    "//127.0.0.1/x",
    "\\\\127.0.0.1\\x",
]


@pytest.mark.parametrize("value", HOSTILE)
async def test_hostile_addresses_never_reach_a_socket(
    make: Make, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    async def connect_tcp(self: object, host: str, port: int, **more: object) -> None:
        connected.append(host)
        raise httpcore.ConnectError("must not happen")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    with pytest.raises(ImageForbidden, match="of task 42"):
        await make().read(source(value), SMALL)
    assert connected == []


async def test_no_secret_in_any_log_error_or_foreign_request(
    make: Make, label_studio: LabelStudio, server: Server, other: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    label_studio.personal_token = jwt(jti="CANARY")
    label_studio.routes[UPLOAD] = answer(303, location=f"{server.url}/signed.png?sig=CANARY")
    server.routes["/signed.png"] = answer(
        302, location=f"{other.url}/gone.png?sig=CANARY", set_cookie="CANARY"
    )
    reader = make(
        image_hosts=f"127.0.0.1:{server.port},127.0.0.1:{other.port}",
        label_studio_url=label_studio.address,
        label_studio_api_key=label_studio.personal_token,
    )
    login = ImageSource(f"{server.url}/signed.png?x=CANARY", login="CANARY", password="CANARY")
    said = repr(reader) + repr(login)
    for wanted in (source(UPLOAD), login):
        with pytest.raises(ImageMissing) as caught:
            await reader.read(wanted, SMALL)
        said += "".join(traceback.format_exception(caught.value))
    assert "CANARY" not in said + caplog.text
    assert label_studio.personal_token not in said + caplog.text
    for request in other.requests:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
    assert len(other.requests) == 2


async def test_the_check_of_label_studio_says_what_is_wrong(
    make: Make, label_studio: LabelStudio, server: Server
) -> None:
    personal = make(label_studio_url=label_studio.address, label_studio_api_key=label_studio.personal_token)
    assert "answers and takes the token" in await personal.check()
    assert "LABEL_STUDIO_URL is not set" in await make().check()
    with pytest.raises(ImageUnauthorized, match="set LABEL_STUDIO_API_KEY"):
        await make(label_studio_url=label_studio.address).check()
    server.routes["/storage-data/uploaded/"] = answer(200, b"hello")
    assert "not as Label Studio does" in await make(label_studio_url=server.url).check()


async def test_background_reads_of_a_dead_host_keep_nobody_waiting(
    make: Make, server: Server, other: Server
) -> None:
    asked = asyncio.Queue[str]()

    async def hold(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(request.path)
        await asyncio.Event().wait()

    for number in range(5):
        server.routes[f"/{number}.png"] = hold
    other.routes["/a.png"] = answer(200, PNG)
    reader = make(image_hosts=f"127.0.0.1:{server.port},127.0.0.1:{other.port}")
    joined = Urgency(urgent=False)
    urgencies: list[bool | Urgency] = [False, False, False, joined, True]
    stuck = [
        asyncio.create_task(reader.read(source(f"{server.url}/{number}.png"), SMALL, urgent))
        for number, urgent in enumerate(urgencies)
    ]
    begun = {await asked.get() for _ in range(READS_OF_A_HOST + 1)}
    assert begun == {"/0.png", "/1.png", "/4.png"}
    joined.promote()
    assert await asked.get() == "/3.png"
    assert (await reader.read(source(f"{other.url}/a.png"), SMALL, urgent=False)).width == 40
    assert asked.empty()
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


@pytest.mark.parametrize("redirected", [False, True])
async def test_clicks_on_a_host_that_stalls_keep_nobody_else_waiting(
    make: Make, server: Server, other: Server, redirected: bool
) -> None:
    asked = asyncio.Queue[str]()

    async def hold(request: Request, writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(request.path)
        await asyncio.Event().wait()

    first, clicks = other if redirected else server, 3 * OF_A_PROJECT_AT_A_HOST
    for number in range(clicks):
        other.routes[f"/{number}.png"] = answer(302, location=f"{server.url}/{number}.png")
        server.routes[f"/{number}.png"] = hold
    other.routes["/a.png"] = answer(200, PNG)
    reader = make(image_hosts=f"127.0.0.1:{server.port},127.0.0.1:{other.port}")
    stuck = [
        asyncio.create_task(reader.read(source(f"{first.url}/{number}.png"), SMALL))
        for number in range(clicks)
    ]
    for _ in range(OF_A_PROJECT_AT_A_HOST):
        await asked.get()
    assert (await reader.read(source(f"{other.url}/a.png"), SMALL)).width == 40
    assert asked.empty()
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_large_files_that_wait_to_be_decoded_are_few(
    make: Make, server: Server, other: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding = asyncio.Queue[str]()

    async def decode(self: Decoders, data: object, size: ModelSize, urgent: Urgency, whose: Whose) -> Pixels:
        decoding.put_nowait(whose.host)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(Decoders, "decode", decode)
    monkeypatch.setattr(transport, "LARGE_FILE", len(PNG) // 2)
    (tmp_path / "a.png").write_bytes(PNG)
    server.routes["/a.png"] = answer(200, PNG)
    reader = make(
        image_hosts=f"127.0.0.1:{server.port}",
        label_studio_url=other.url,
        local_files_document_root=str(tmp_path),
    )
    values = [f"{server.url}/a.png"] * 2 * OF_A_PROJECT + ["/data/local-files/?d=a.png"] * 2 * OF_A_PROJECT
    stuck = [asyncio.create_task(reader.read(source(value), SMALL)) for value in values]
    begun = [await decoding.get() for _ in range(OF_A_PROJECT)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert decoding.empty()
    assert set(begun) == {server.url, "local files"}
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_a_host_is_free_while_its_image_is_decoded(
    make: Make, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoding, count = asyncio.Event(), 0

    async def decode(self: Decoders, data: object, size: ModelSize, urgent: Urgency, whose: Whose) -> Pixels:
        nonlocal count
        assert not urgent.urgent
        assert whose == Whose("3", server.url)
        count += 1
        if count == 2 * READS_OF_A_HOST:
            decoding.set()
        await decoding.wait()
        return Pixels(np.zeros((1, 1, 3), np.uint8), 1, 1)

    monkeypatch.setattr(Decoders, "decode", decode)
    server.routes["/a.png"] = answer(200, PNG)
    reader = make(image_hosts=f"127.0.0.1:{server.port}")
    value = source(f"{server.url}/a.png")
    async with asyncio.timeout(60):  # else they would wait for each other
        await asyncio.gather(*(reader.read(value, SMALL, urgent=False) for _ in range(2 * READS_OF_A_HOST)))
    assert count == 2 * READS_OF_A_HOST


async def test_a_large_data_url_is_decoded_off_the_loop_and_a_thread_that_is_not_to_be_had_is_said(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = "data:image/png;base64," + base64.b64encode(PNG + bytes(LARGE_VALUE)).decode()
    reader = make()
    assert (await reader.read(source(value), SMALL)).width == 40

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Overloaded, match="no thread could be started for reading its data: URL"):
        await reader.read(source(value), SMALL)
