"""What is read and what is not; S3 by moto besides, which answers as S3 does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from imaging.options import ImageOptions
from stores.reader import Stores
from tests.imaging.servers import Request, answer
from tests.stores.object_stores import ENTRIES, META, ObjectStore, Read, name_of, route_to
from values.errors import (
    ImageForbidden,
    ImageMissing,
    ImageTooLarge,
    ImageUnreachable,
)
from values.locations import StoredObject

KEYS = ["a.png", "2024/b.png", "é ü/100%.png", "a+b=c&d;e@f:g,h'(i)*!$~.png", "a?b#c.png", "%2e%2e/x", "a\\b"]


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("key", KEYS[:-1])
async def test_s3_as_moto_answers(read: Read, moto: str, environment: pytest.MonkeyPatch, key: str) -> None:
    _use_moto(environment, moto)
    client = boto3.client("s3", endpoint_url=moto)
    client.create_bucket(Bucket="photos")
    client.put_object(Bucket="photos", Key=key, Body=key.encode())
    assert await read("s3://photos", key) == key.encode()


async def test_what_moto_does_not_have(read: Read, moto: str, environment: pytest.MonkeyPatch) -> None:
    _use_moto(environment, moto)
    boto3.client("s3", endpoint_url=moto).create_bucket(Bucket="photos")
    with pytest.raises(ImageMissing, match="s3://photos has no such object"):
        await read("s3://photos", "nowhere.png")
    with pytest.raises(ImageMissing, match="s3://no-bucket has no such object"):
        await read("s3://no-bucket", image_stores="s3://no-bucket")


def _use_moto(environment: pytest.MonkeyPatch, moto: str) -> None:
    environment.setenv("AWS_ACCESS_KEY_ID", "moto")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "moto")
    environment.setenv("AWS_REGION", "us-east-1")
    environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    environment.setenv("AWS_ENDPOINT_URL", moto)


@pytest.mark.parametrize("key", KEYS)
async def test_an_object(read: Read, store: ObjectStore, key: str) -> None:
    store.objects[f"photos/{key}"] = key.encode()
    assert await read(name_of(store), key) == key.encode()
    assert len(store.requests) == 1


async def test_one_connection_is_kept(store: ObjectStore) -> None:
    stores = Stores(ImageOptions.model_validate({"image_stores": ENTRIES}))
    location = StoredObject(name_of(store).partition(":")[0], "photos", "a.png", None)
    try:
        assert [(await stores.read(location)).content for _ in range(3)] == [b"image"] * 3
        assert len(store._tasks) == 1
    finally:
        await stores.aclose()


@pytest.mark.parametrize(
    "key",
    ["../../other/x", "..", "//evil", "a/../../other/x", "a\nb", "a\r\nHost: evil", "a\0", "a\ud800", ""],
)
async def test_keys_that_would_leave_the_bucket(read: Read, store: ObjectStore, key: str) -> None:
    with pytest.raises(ImageForbidden, match=r"no entry of IMAGE_STORES covers it; add .*://photos if"):
        await read(name_of(store), key)
    assert store.requests == []


async def test_other_buckets_and_folders(read: Read, store: ObjectStore) -> None:
    folder = f"{name_of(store)}/2024"
    for name, key in ((f"{name_of(store)}2", "2024/a.png"), (name_of(store), "2024x/a.png")):
        with pytest.raises(ImageForbidden, match=f"covers it; add {name} if it may be read"):
            await read(name, key, image_stores=folder)
    assert store.requests == []
    store.objects["photos/2024/a.png"] = b"image"
    assert await read(name_of(store), "2024/a.png", image_stores=folder) == b"image"


def test_nothing_is_held_unless_it_is_named() -> None:
    location = StoredObject("s3", "photos", "a.png", None)
    assert not Stores(ImageOptions()).holds(location)
    assert Stores(ImageOptions.model_validate({"image_stores": "s3://photos"})).holds(location)


async def test_a_missing_object(read: Read, store: ObjectStore) -> None:
    with pytest.raises(ImageMissing) as caught:
        await read(name_of(store), "nowhere.png")
    assert caught.value.detail == f"{name_of(store)} has no such object"


async def test_what_is_announced_too_large(read: Read, store: ObjectStore) -> None:
    store.routes[route_to(store)] = answer(200, b"", content_length=str(2**21 + 1), **META)
    with pytest.raises(ImageTooLarge, match=f"{name_of(store)} sends more than 2 MiB; raise MAX_IMAGE_MIB"):
        await read(name_of(store), max_image_mib=2)


async def test_the_largest_that_is_read(read: Read, store: ObjectStore) -> None:
    store.objects["photos/a.png"] = bytes(2**20)
    assert len(await read(name_of(store), max_image_mib=1)) == 2**20
    with pytest.raises(ImageTooLarge):
        await read(name_of(store), max_image_mib=0.999)


async def _endless(request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\netag: x\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(2**16) + b"\r\n")
        await writer.drain()


async def test_an_object_without_end(read: Read, store: ObjectStore) -> None:
    store.routes[route_to(store)] = _endless
    with pytest.raises((ImageTooLarge, ImageUnreachable)):
        await read(name_of(store), max_image_mib=1)


async def test_evidence_is_that_of_the_object_and_found_without_reading_it(store: ObjectStore) -> None:
    stores = Stores(ImageOptions.model_validate({"image_stores": ENTRIES}))
    location = StoredObject(name_of(store).partition(":")[0], "photos", "a.png", None)

    async def told(tag: str) -> str:
        store.routes[route_to(store)] = answer(200, b"image", **META | {"etag": tag})
        read = await stores.read(location)
        store.routes[route_to(store)] = answer(200, bytes(2**24), **META | {"etag": tag})
        asked = await stores.read(location, content=False)
        assert (read.content, asked.content) == (b"image", b"")
        assert asked.evidence == read.evidence
        return asked.evidence

    try:
        assert await told('"1"') == await told('"1"') not in ("", await told('"2"'))
        del store.objects["photos/a.png"]
        store.routes.clear()
        with pytest.raises(ImageMissing, match="has no such object"):
            await stores.read(location, content=False)
    finally:
        await stores.aclose()


async def test_an_object_too_large_has_no_evidence_either(store: ObjectStore) -> None:
    stores = Stores(ImageOptions.model_validate({"image_stores": ENTRIES, "max_image_mib": 1}))
    location = StoredObject(name_of(store).partition(":")[0], "photos", "a.png", None)
    store.routes[route_to(store)] = answer(200, b"", content_length=str(2**20 + 1), **META)
    try:
        with pytest.raises(ImageTooLarge, match="sends more than 1 MiB"):
            await stores.read(location, content=False)
    finally:
        await stores.aclose()


@pytest.mark.slow
async def test_s3_as_moto_answers_has_evidence(moto: str, environment: pytest.MonkeyPatch) -> None:
    _use_moto(environment, moto)
    client = boto3.client("s3", endpoint_url=moto)
    client.create_bucket(Bucket="photos")
    stores = Stores(ImageOptions.model_validate({"image_stores": ENTRIES}))
    location = StoredObject("s3", "photos", "a.png", None)
    told = []
    try:
        for content in (b"one", b"two", b"one"):
            client.put_object(Bucket="photos", Key="a.png", Body=content)
            read, asked = await stores.read(location), await stores.read(location, content=False)
            assert (read.content, asked.evidence) == (content, read.evidence)
            told.append(read.evidence)
        assert told[0] == told[2] != told[1]
    finally:
        await stores.aclose()
