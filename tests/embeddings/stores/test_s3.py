"""The durable tier in a bucket of S3, as moto speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.config import Config  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

from embeddings.durable_location import object_name
from embeddings.embedding_file import to_bytes
from tests.embeddings.samples import KEY, SEGMENTER, Watched, contents, keys, sample
from tests.embeddings.stores.pointing import point_to

NAME = object_name(SEGMENTER, KEY)


def client_of(url: str) -> Any:
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=Config(proxies={}))


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(moto: str, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket, by its address."""
    point_to(moto, environment)
    client = client_of(moto)
    client.create_bucket(Bucket="bucket")
    yield "s3://bucket"
    for found in client.list_objects_v2(Bucket="bucket").get("Contents", []):
        client.delete_object(Bucket="bucket", Key=found["Key"])
    client.delete_bucket(Bucket="bucket")
    client.close()


def objects(url: str) -> dict[str, bytes]:
    client = client_of(url)
    found = client.list_objects_v2(Bucket="bucket").get("Contents", [])
    return {each["Key"]: client.get_object(Bucket="bucket", Key=each["Key"])["Body"].read() for each in found}


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["", "/deep/folder"])
async def test_what_was_put_is_there_after_a_restart(bucket: str, moto: str, folder: str) -> None:
    # Larger than what obstore would send in several parts.
    embedding = sample(1, 2**20)
    assert await Watched(bucket + folder).put(KEY, embedding)
    assert list(objects(moto)) == [f"{folder}/{NAME}".removeprefix("/")]
    tier = Watched(bucket + folder)
    found = await tier.get(KEY)
    assert found is not None
    assert contents(found) == contents(embedding)
    assert await tier.has(KEY)
    [other] = keys(1)
    assert await tier.get(other) is None
    assert not await tier.has(other)
    assert tier.problems == []


@pytest.mark.parametrize("folder", ["", "/deep/folder"])
async def test_what_is_forgotten_is_gone(bucket: str, moto: str, folder: str) -> None:
    tier, other = Watched(bucket + folder), Watched(bucket + folder, "fake-2")
    assert await tier.put(KEY, sample())
    assert await other.put(KEY, replace(sample(), segmenter="fake-2"))
    assert [await tier.forget(KEY), await tier.forget(KEY)] == [True, False]
    assert (objects(moto), tier.problems) == ({}, [])


async def test_a_damaged_object_is_missing_and_removed(bucket: str, moto: str) -> None:
    client = client_of(moto)
    client.put_object(Bucket="bucket", Key=NAME, Body=to_bytes(KEY, sample())[:-1])
    tier = Watched(bucket)
    assert await tier.get(KEY) is None
    assert tier.problems == ["damaged"]
    assert objects(moto) == {}


@pytest.mark.slow
async def test_bounds(bucket: str, moto: str) -> None:
    client = client_of(moto)
    client.put_object(Bucket="bucket", Key="folder/notes.txt", Body=b"x" * 1000)
    client.put_object(Bucket="bucket", Key=f"elsewhere/{NAME}", Body=b"x" * 1000)
    size = len(to_bytes(KEY, sample()))
    tiers = [Watched(f"{bucket}/folder", durable_gib=7.5 * size / 2**30) for _ in range(2)]
    for key in keys(20):
        assert await tiers[0].put(key, sample())
    await tiers[0].sweep()
    await asyncio.gather(*(tier.sweep() for tier in tiers))
    # All of the twenty may be of one second: which seven are left is not said.
    assert len(objects(moto)) == 2 + 2 + 7
    tiers[0].date = 5e9
    await tiers[0].sweep()
    left = [f"elsewhere/{NAME}", "folder/last-sweep.txt", "folder/notes.txt", "folder/sweeper/"]
    assert [name[: name.find("/0000") + 1 or None] for name in sorted(objects(moto))] == left
    assert [tier.problems for tier in tiers] == [[], []]


@pytest.mark.slow
async def test_a_bucket_that_is_not_there(
    moto: str, environment: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    point_to(moto, environment)
    tier = Watched("s3://no-bucket")
    assert not await tier.put(KEY, sample())
    assert await tier.get(KEY) is None
    assert tier.problems == ["write"]
    said = log.records[0].getMessage()
    assert "embeddings cannot be written to s3://no-bucket (it answered 404)" in said
    assert "check that the bucket exists, its address (AWS_REGION and AWS_ENDPOINT_URL)" in said
    assert "AWS_SECRET_ACCESS_KEY" in said
