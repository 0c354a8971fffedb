"""Stores with credentials they take, in an environment of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from imaging.options import ImageOptions
from stores.reader import Stores
from tests.imaging.servers import FakeResolver
from tests.stores.object_stores import ENTRIES, NOBODY, S3, AzureBlobs, GoogleStorage, ObjectStore, Read
from values.evidence import Content
from values.locations import StoredObject

PREFIXES = ("AWS_", "GOOGLE_", "AZURE_", "GCE_", "SERVICE_ACCOUNT")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Nothing of who runs the tests: no variables, no home, and nobody where clouds keep identities."""
    for name in list(os.environ):
        if name.startswith(PREFIXES) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", NOBODY)
    monkeypatch.setenv("GCE_METADATA_HOST", urlsplit(NOBODY).netloc)
    monkeypatch.setenv("GCE_METADATA_IP", urlsplit(NOBODY).netloc)
    monkeypatch.setenv("AZURE_MSI_ENDPOINT", f"{NOBODY}/metadata/identity/oauth2/token")
    return monkeypatch


@pytest_asyncio.fixture
async def read() -> AsyncIterator[Read]:
    """Read one object, with Stores of its own; options by keyword."""
    made: list[Stores] = []

    async def run(
        name: str, key: str = "a.png", resolver: FakeResolver | None = None, **options: Any
    ) -> Content:
        scheme, _, bucket = name.partition("://")
        built = ImageOptions.model_validate({"image_stores": ENTRIES, **options})
        made.append(Stores(built, resolver or FakeResolver()))
        return (await made[-1].read(StoredObject(scheme, bucket, key, None))).content

    yield run
    for stores in made:
        await stores.aclose()


@pytest_asyncio.fixture
async def s3(environment: pytest.MonkeyPatch) -> AsyncIterator[S3]:
    async with S3() as running:
        environment.setenv("AWS_ACCESS_KEY_ID", running.access_key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", running.secret_key)
        environment.setenv("AWS_ENDPOINT_URL", running.url)
        running.objects["photos/a.png"] = b"image"
        yield running


@pytest_asyncio.fixture
async def google(environment: pytest.MonkeyPatch) -> AsyncIterator[GoogleStorage]:
    async with GoogleStorage() as running:
        environment.setenv("GOOGLE_BEARER_TOKEN", running.token)
        environment.setenv("GOOGLE_BASE_URL", running.url)
        running.objects["photos/a.png"] = b"image"
        yield running


@pytest_asyncio.fixture
async def azure(environment: pytest.MonkeyPatch) -> AsyncIterator[AzureBlobs]:
    async with AzureBlobs() as running:
        environment.setenv("AZURE_STORAGE_ACCOUNT_NAME", running.account)
        environment.setenv("AZURE_STORAGE_ACCOUNT_KEY", running.key)
        environment.setenv("AZURE_STORAGE_ENDPOINT", running.url)
        running.objects["photos/a.png"] = b"image"
        yield running


@pytest_asyncio.fixture
async def azure_shared(azure: AzureBlobs, environment: pytest.MonkeyPatch) -> AzureBlobs:
    environment.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    environment.setenv("AZURE_STORAGE_SAS_TOKEN", f"?{azure.shared}")
    return azure


@pytest.fixture(params=["s3", "google", "azure", "azure_shared"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Each store in turn, with credentials it takes."""
    running = request.getfixturevalue(request.param)
    assert isinstance(running, ObjectStore)
    return running
