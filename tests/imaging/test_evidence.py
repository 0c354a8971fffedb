"""Evidence is the same while the image is, tells a replaced one, and is found without reading either."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from imaging.reader import ImageReader
from testing.canary import CANARY
from testing.image_files import SMALL, encoded, quarters
from tests.imaging.servers import Handler, LabelStudio, Request, Server, answer
from values import evidence
from values.errors import (
    ImageError,
    ImageForbidden,
    ImageMissing,
    ImageTooLarge,
    ImageUnauthorized,
    ImageUnreachable,
)
from values.image import ImageSource

PNG, OTHER = encoded(quarters()), encoded(quarters(50, 30))
LOCAL = "/data/local-files/?d=a.png"
UPLOAD = "/data/upload/3/a.png"
MONDAY, TUESDAY = "Mon, 06 Jul 2026 10:00:00 GMT", "Tue, 07 Jul 2026 10:00:00 GMT"

Make = Callable[..., ImageReader]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    made: list[ImageReader] = []

    def build(*servers: Server, **options: Any) -> ImageReader:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers) or "public"
        made.append(ImageReader(ImageOptions.model_validate({"image_hosts": hosts, **options})))
        return made[-1]

    yield build
    for reader in made:
        await reader.aclose()


def source(value: str) -> ImageSource:
    return ImageSource(value, project="3", task=42)


async def both(reader: ImageReader, value: str) -> str:
    """The evidence that came with the pixels, which asking again without reading must find as well."""
    read = (await reader.read(source(value), SMALL)).evidence
    assert await reader.evidence(source(value)) == read
    assert read == "" or (len(read) <= 100 and read.isascii() and read.isprintable())
    return read


TELLING: list[dict[str, str]] = [
    {"etag": '"1"'},
    {"etag": 'W/"1"'},
    {"etag": '"1"', "last_modified": MONDAY},
    {"last_modified": MONDAY, "date": TUESDAY},
    {"last_modified": MONDAY},
]


@pytest.mark.parametrize("headers", TELLING, ids=str)
async def test_an_image_of_the_web(make: Make, server: Server, headers: dict[str, str]) -> None:
    reader, value = make(server), f"{server.url}/a.png"
    server.routes["/a.png"] = answer(200, PNG, **headers)
    first = await both(reader, value)
    assert first == await both(reader, value) != ""
    changed = {name: text.replace("1", "2").replace("06", "05") for name, text in headers.items()}
    server.routes["/a.png"] = answer(200, OTHER, **changed)
    assert await both(reader, value) not in ("", first)


async def test_a_length_counts_with_a_time(make: Make, server: Server) -> None:
    reader, value = make(server), f"{server.url}/a.png"
    server.routes["/a.png"] = answer(200, PNG, last_modified=MONDAY)
    first = await both(reader, value)
    server.routes["/a.png"] = answer(200, OTHER, last_modified=MONDAY)
    assert await both(reader, value) not in ("", first)


SILENT: list[dict[str, str]] = [
    {},
    {"etag": ""},
    {"date": TUESDAY},
    {"last_modified": TUESDAY, "date": TUESDAY},
    {"last_modified": "yesterday", "date": TUESDAY},
    {"x_request_id": "7", "age": "3"},
]


@pytest.mark.parametrize("headers", SILENT, ids=str)
async def test_what_tells_nothing_of_the_content(make: Make, server: Server, headers: dict[str, str]) -> None:
    server.routes["/a.png"] = answer(200, PNG, **headers)
    assert await both(make(server), f"{server.url}/a.png") == ""


async def test_what_varies_with_each_answer_is_no_evidence(make: Make, server: Server) -> None:
    count = 0

    async def vary(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        date = f"Mon, 06 Jul 2026 10:00:{count:02} GMT"
        headers = {"date": date, "x_amz_request_id": str(count), "set_cookie": f"session={count}"}
        await answer(200, PNG, etag='"1"', last_modified=date, **headers)(request, writer)

    server.routes["/a.png"] = vary
    reader = make(server)
    assert await both(reader, f"{server.url}/a.png") == await both(reader, f"{server.url}/a.png") != ""


async def test_the_last_answer_counts_and_not_the_address_signed_anew(
    make: Make, label_studio: LabelStudio, server: Server
) -> None:
    asked = 0

    async def sign(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        location = f"{server.url}/photos/a.png?X-Amz-Signature={asked}"
        await answer(303, location=location, etag=f'"{asked}"')(request, writer)

    label_studio.routes["/tasks/42/presign/"] = sign
    label_studio.files["/tasks/42/presign/"] = b""
    server.routes["/photos/a.png"] = answer(200, PNG, etag='"1"')
    address, key = label_studio.address, label_studio.personal_token
    reader = make(server, label_studio_url=address, label_studio_api_key=key)
    first = await both(reader, "s3://photos/a.png")
    assert first == await both(reader, "s3://photos/a.png") != ""
    server.routes["/photos/a.png"] = answer(200, OTHER, etag='"2"')
    assert await both(reader, "s3://photos/a.png") not in ("", first)
    assert {request.method for request in server.requests} == {"GET"}  # the only one it is signed for
    assert all("range" not in request.headers for request in server.requests)


def headers_only(**headers: str) -> Handler:
    """An answer whose body never comes."""

    async def handle(request: Request, writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n{head}\r\n".encode())
        await writer.drain()
        await asyncio.Event().wait()

    return handle


async def test_asking_does_not_read_the_image(make: Make, server: Server) -> None:
    server.routes["/a.png"] = headers_only(etag='"1"')
    reader = make(server, image_timeout_s=20, read_timeout_s=20)
    async with asyncio.timeout(10):
        assert await reader.evidence(source(f"{server.url}/a.png")) != ""
        server.routes["/a.png"] = answer(200, PNG, etag='"1"')
        await both(reader, f"{server.url}/a.png")


async def test_asking_does_not_read_a_file(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    reader = make(local_files_document_root=tmp_path)
    kept = await both(reader, LOCAL)

    def refuse(*args: Any, **options: Any) -> Any:
        raise AssertionError("the file was read")

    monkeypatch.setattr(os, "fdopen", refuse)
    assert await reader.evidence(source(LOCAL)) == kept


async def test_a_local_file(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    os.utime(path, ns=(10**18, 10**18))
    reader = make(local_files_document_root=tmp_path)
    first = await both(reader, LOCAL)
    assert first == await both(reader, LOCAL) != ""
    os.utime(path, ns=(10**18, 10**18 + 1))
    second = await both(reader, LOCAL)
    path.write_bytes(OTHER)
    os.utime(path, ns=(10**18, 10**18))
    assert len({first, second, await both(reader, LOCAL)}) == 3


async def test_a_copy_of_a_local_file_on_another_machine_is_the_same(make: Make, tmp_path: Path) -> None:
    told = set()
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(PNG)
        os.utime(tmp_path / name / "a.png", ns=(10**18, 10**18))
        told.add(await both(make(local_files_document_root=tmp_path / name), LOCAL))
    assert len(told) == 1


async def test_a_local_file_is_the_same_by_way_of_label_studio(
    make: Make, label_studio: LabelStudio, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    os.utime(tmp_path / "a.png", ns=(10**18, 10**18))
    mounted = await both(make(local_files_document_root=tmp_path), LOCAL)
    # As Label Studio 1.23 makes it in io_storages/localfiles/views.py.
    label_studio.routes["/data/local-files/"] = answer(200, PNG, etag=f'W/"{10**18:x}-{len(PNG):x}"')
    address, key = label_studio.address, label_studio.personal_token
    (tmp_path / "empty").mkdir()
    for root in (None, tmp_path / "empty"):  # not mounted, and mounted without this file
        reader = make(label_studio_url=address, label_studio_api_key=key, local_files_document_root=root)
        assert await both(reader, LOCAL) == mounted


async def test_a_data_url_needs_none(make: Make) -> None:
    assert await both(make(), "data:;base64," + base64.b64encode(PNG).decode()) == ""


async def test_label_studio_is_asked_with_its_token(make: Make, label_studio: LabelStudio) -> None:
    label_studio.routes[UPLOAD] = answer(200, PNG, etag='"1"')
    address, key = label_studio.address, label_studio.personal_token
    reader = make(label_studio_url=address, label_studio_api_key=key)
    first = await reader.evidence(source(UPLOAD))
    label_studio.forget_access_tokens()
    assert await reader.evidence(source(UPLOAD)) == first != ""
    with pytest.raises(ImageUnauthorized, match="of task 42: Label Studio answered 401"):
        await make(label_studio_url=address).evidence(source(UPLOAD))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("{server}/none.png", ImageMissing),
        ("{server}/denied.png", ImageUnauthorized),
        ("{server}/broken.png", ImageUnreachable),
        ("{server}/huge.png", ImageTooLarge),
        ("{server}/inwards.png", ImageForbidden),
        ("http://127.0.0.1:1/a.png", ImageForbidden),
        ("/data/local-files/?d=none.png", ImageMissing),
        ("/data/local-files/?d=../a.png", ImageForbidden),
        ("/data/local-files/?d=out.png", ImageForbidden),
        ("/data/local-files/?d=huge.png", ImageTooLarge),
        ("s3://photos/a.png", ImageForbidden),
        ("", ImageMissing),
    ],
)
async def test_asking_raises_what_reading_raises(
    make: Make, server: Server, tmp_path: Path, value: str, error: type[ImageError]
) -> None:
    server.routes["/denied.png"] = answer(403)
    server.routes["/broken.png"] = answer(503)
    server.routes["/huge.png"] = answer(200, bytes(2**20 + 1), etag='"1"')
    server.routes["/inwards.png"] = answer(302, location="http://169.254.169.254/latest/meta-data/")
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "a.png").write_bytes(PNG)
    (root / "out.png").symlink_to(tmp_path / "a.png")
    (root / "huge.png").write_bytes(bytes(2**20 + 1))
    reader = make(server, local_files_document_root=root, max_image_mib=1)
    named = source(value.format(server=server.url))
    said = []
    for asking in (reader.evidence(named), reader.read(named, SMALL)):
        with pytest.raises(error, match="cannot read the image of task 42: ") as caught:
            await asking
        assert caught.type is error
        said.append(caught.value.detail)
    assert said[0] == said[1]


def test_evidence_shows_nothing_of_what_it_is_made_of() -> None:
    tag = f'"{CANARY}'
    told = evidence.of_headers({"etag": tag})
    assert CANARY not in told
    assert evidence.of_headers({"etag": "\udc80\xff" * 9999}).isascii()
