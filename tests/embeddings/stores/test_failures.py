"""The durable tier in a bucket of each cloud: what is sent, and stores that refuse, break and hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.embeddings.samples import KEY, Watched, sample
from tests.embeddings.stores.pointing import point_to
from tests.imaging.servers import Request, Server, answer

PLACES = ["s3://bucket/deep/folder", "gs://bucket/folder", "az://bucket"]


class Store(Server):
    """Answers all with ``reply``."""

    may_see_secrets = True
    reply = staticmethod(answer(404))

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        await self.reply(request, writer)


@pytest_asyncio.fixture
async def store(environment: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    async with Store() as running:
        point_to(running.url, environment)
        yield running


@pytest.mark.parametrize("place", PLACES)
async def test_an_embedding_is_sent_in_one_request_that_shows_no_blank_variable(
    store: Store, place: str
) -> None:
    store.reply = answer(200, etag='"1"')
    assert await Watched(place).put(KEY, sample(0, 2**20))
    written = [request for request in store.requests if KEY in request.path]
    assert [request.method for request in written] == ["PUT"]
    assert "x-amz-security-token" not in written[0].headers


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_store_that_refuses(
    store: Store, log: pytest.LogCaptureFixture, place: str, status: int
) -> None:
    store.reply = answer(status, b"BODY: x (os error 5)")
    tier = Watched(place)
    for _ in range(2):
        assert not await tier.put(KEY, sample())
        assert await tier.get(KEY) is None
        assert not await tier.has(KEY)
    await tier.sweep()
    assert tier.problems == ["write", "read", "read"] * 2 + ["sweep"]
    assert len(log.records) == 3
    assert log.text.count(f"(it answered {status})") == 3
    assert "BODY" not in log.text
    assert str(store.port) not in log.text


@pytest.mark.parametrize("place", PLACES)
async def test_a_store_that_nobody_reaches(
    environment: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, place: str
) -> None:
    point_to("http://127.0.0.1:1", environment)
    tier = Watched(place)
    assert not await tier.put(KEY, sample())
    assert await tier.get(KEY) is None
    assert tier.problems == ["write", "read"]
    assert len(log.records) == 2


@pytest.mark.parametrize("place", PLACES)
async def test_a_store_that_hangs_holds_nobody(
    store: Store, log: pytest.LogCaptureFixture, place: str
) -> None:
    async def hang(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    store.reply = hang
    tier = Watched(place, durable_timeout_s=0.2)
    for _ in range(3):
        assert await tier.get(KEY) is None
        assert not await tier.put(KEY, sample())
    assert tier.problems == ["read", "write"]
    assert log.text.count("(no answer in time)") == 2
