"""What is shown to a store, and what is said where that is nothing or not enough."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from imaging.options import ImageOptions
from stores.reader import Stores
from testing.canary import CANARY
from tests.imaging.servers import Server, answer
from tests.stores.object_stores import (
    META,
    S3,
    VARIABLES,
    AzureBlobs,
    GoogleStorage,
    ObjectStore,
    Read,
    check_discretion,
    name_of,
    route_to,
    silent,
)
from values.errors import (
    ImageTimeout,
    ImageUnauthorized,
)
from values.locations import StoredObject

BLANK = [
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_SKIP_SIGNATURE",
    "GOOGLE_SERVICE_ACCOUNT",
]
BLANK += ["GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_TOKEN", "AZURE_ENDPOINT", "AZURE_CLIENT_ID"]


@pytest.mark.parametrize(
    ("store", "variable", "value"),
    [
        ("s3", "AWS_SECRET_ACCESS_KEY", "another"),
        ("s3", "AWS_ACCESS_KEY_ID", "another"),
        ("s3", "AWS_REGION", "eu-west-1"),
        ("s3", "AWS_SKIP_SIGNATURE", "true"),
        ("google", "GOOGLE_BEARER_TOKEN", "another"),
        ("google", "GOOGLE_SKIP_SIGNATURE", "true"),
        ("azure", "AZURE_STORAGE_ACCOUNT_KEY", "YW5vdGhlcg=="),
        ("azure_shared", "AZURE_STORAGE_SAS_TOKEN", "sv=2024-11-04&sig=another"),
    ],
    indirect=["store"],
)
async def test_credentials_that_are_refused(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    environment.setenv(variable, value)
    with pytest.raises(ImageUnauthorized) as caught:
        await read(name_of(store))
    said = caught.value.detail
    assert said.startswith(f"{name_of(store)} answered 403: the credentials may not read this object")
    assert ("or it has no such object" in said) == isinstance(store, S3)
    assert VARIABLES[type(store)] in said
    assert "where the fetchers run" in said
    check_discretion(said, store)


async def test_a_temporary_key(read: Read, s3: S3, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_SESSION_TOKEN", "FwoG+token/of a session==")
    assert await read("s3://photos") == b"image"
    query = parse_qs(urlsplit(s3.requests[0].target).query)
    assert query["X-Amz-Security-Token"] == ["FwoG+token/of a session=="]


async def test_public_buckets(read: Read, s3: S3, environment: pytest.MonkeyPatch) -> None:
    s3.routes["/photos/a.png"] = answer(200, b"public")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.delenv(variable)
    environment.setenv("AWS_SKIP_SIGNATURE", "true")
    assert await read("s3://photos") == b"public"
    assert s3.requests[0].target == "/photos/a.png"


@pytest.mark.parametrize("blank", ["", " "])
async def test_blank_variables_are_not_set(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch, blank: str
) -> None:
    for variable in BLANK:
        environment.setenv(variable, blank)
    assert await read(name_of(store)) == b"image"
    assert "X-Amz-Security-Token" not in store.requests[0].target
    assert {os.environ[variable] for variable in BLANK} == {blank}


async def test_no_credentials(read: Read, store: ObjectStore, environment: pytest.MonkeyPatch) -> None:
    _forget_credentials(environment)
    with pytest.raises(ImageUnauthorized) as caught:
        await read(name_of(store))
    assert caught.value.detail.startswith(f"there are no usable credentials for {name_of(store)}; ")
    assert f"set {VARIABLES[type(store)]}" in caught.value.detail
    assert "where the fetchers run" in caught.value.detail
    check_discretion(caught.value.detail, store)
    assert store.requests == []


def _forget_credentials(environment: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GOOGLE_BEARER_TOKEN"):
        environment.delenv(variable, raising=False)
    for variable in ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"):
        environment.delenv(variable, raising=False)


async def test_an_identity_service_that_says_nothing(
    read: Read, store: ObjectStore, server: Server, environment: pytest.MonkeyPatch
) -> None:
    _forget_credentials(environment)
    environment.setenv("AWS_METADATA_ENDPOINT", server.url)
    environment.setenv("GCE_METADATA_HOST", urlsplit(server.url).netloc)
    environment.setenv("AZURE_MSI_ENDPOINT", f"{server.url}/token")
    for path in ("/latest/api/token", "/token"):
        server.routes[path] = silent
    server.routes["/computeMetadata/v1/instance/service-accounts/default/token"] = silent
    with pytest.raises((ImageUnauthorized, ImageTimeout)):
        await read(name_of(store), connect_timeout_s=0.2, read_timeout_s=0.2)
    assert store.requests == []


@pytest.mark.parametrize(
    ("store", "variable", "value"),
    [
        ("s3", "AWS_SECRET_ACCESS_KEY", None),
        ("google", "GOOGLE_APPLICATION_CREDENTIALS", "nowhere.json"),
        ("google", "GOOGLE_SERVICE_ACCOUNT_KEY", f"{CANARY} is not JSON"),
        ("azure", "AZURE_STORAGE_ACCOUNT_NAME", None),
        ("azure", "AZURE_STORAGE_ACCOUNT_KEY", f"{CANARY} is not base64"),
    ],
    indirect=["store"],
)
async def test_credentials_that_are_incomplete(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch, variable: str, value: str | None
) -> None:
    environment.delenv("GOOGLE_BEARER_TOKEN", raising=False)
    environment.delenv(variable, raising=False)
    if value is not None:
        environment.setenv(variable, value)
    with pytest.raises(ImageUnauthorized, match=f"no usable credentials for {name_of(store)}"):
        await read(name_of(store))
    assert store.requests == []


async def test_a_shared_access_signature_without_an_account(
    read: Read, azure_shared: AzureBlobs, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("AZURE_STORAGE_ENDPOINT")
    environment.delenv("AZURE_STORAGE_ACCOUNT_NAME")
    with pytest.raises(ImageUnauthorized, match="set AZURE_STORAGE_ACCOUNT_NAME"):
        await read("azure-blob://photos")


async def test_credentials_that_come_later_are_found(s3: S3, environment: pytest.MonkeyPatch) -> None:
    stores = Stores(ImageOptions.model_validate({"image_stores": "s3://photos"}))
    location = StoredObject("s3", "photos", "a.png", None)
    environment.delenv("AWS_SECRET_ACCESS_KEY")
    try:
        with pytest.raises(ImageUnauthorized):
            await stores.read(location)
        environment.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
        assert (await stores.read(location)).content == b"image"
    finally:
        await stores.aclose()


@pytest.mark.parametrize(
    "variable", ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"]
)
async def test_a_service_account(
    read: Read, google: GoogleStorage, environment: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    environment.delenv("GOOGLE_BEARER_TOKEN")
    account = json.dumps(google.service_account())
    (tmp_path / "account.json").write_text(account)
    environment.setenv(variable, account if variable.endswith("KEY") else str(tmp_path / "account.json"))
    assert await read("gs://photos") == b"image"


async def test_a_service_account_of_an_emulator(
    read: Read, google: GoogleStorage, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.delenv("GOOGLE_BEARER_TOKEN")
    account = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    (tmp_path / "account.json").write_text(json.dumps(account))
    environment.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
    google.routes[route_to(google)] = answer(200, b"emulated", **META)
    assert await read("gs://photos") == b"emulated"
