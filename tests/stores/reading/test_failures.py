"""Where a store is asked, and what is said when that does not go well."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stores.clouds import Bucket
from testing.canary import CANARY
from tests.imaging.servers import FakeResolver, Request, Server, answer
from tests.net.tls import Authority, tls_server
from tests.stores.object_stores import (
    META,
    NOBODY,
    S3,
    AzureBlobs,
    ObjectStore,
    Read,
    check_discretion,
    name_of,
    route_to,
    silent,
)
from values.errors import (
    ImageMissing,
    ImageTimeout,
    ImageUnauthorized,
    ImageUnreachable,
    Overloaded,
)

pytestmark = pytest.mark.usefixtures("pauses")

REDIRECTS = [301, 302, 307, 308]


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
async def test_the_region(read: Read, s3: S3, environment: pytest.MonkeyPatch, variable: str) -> None:
    s3.region = "eu-west-1"
    environment.setenv(variable, s3.region)
    assert await read("s3://photos") == b"image"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"])
async def test_other_names_of_the_endpoint(
    read: Read, s3: S3, environment: pytest.MonkeyPatch, variable: str
) -> None:
    environment.delenv("AWS_ENDPOINT_URL")
    environment.setenv(variable, f"{s3.url}/")
    assert await read("s3://photos") == b"image"


async def test_the_endpoint_of_s3_comes_before_that_of_all(
    read: Read, s3: S3, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AWS_ENDPOINT_URL", NOBODY)
    environment.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    assert await read("s3://photos") == b"image"


async def test_buckets_asked_for_by_host(read: Read, s3: S3, environment: pytest.MonkeyPatch) -> None:
    s3.objects["a.png"] = b"by host"
    environment.setenv("AWS_ENDPOINT_URL", f"http://minio:{s3.port}")
    environment.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    resolver = FakeResolver(photos_minio=[["127.0.0.1"]])
    assert await read("s3://photos", resolver=resolver) == b"by host"
    assert s3.requests[0].headers["host"] == f"photos.minio:{s3.port}"


async def test_a_bucket_of_the_environment_is_another_matter(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_BUCKET", "GOOGLE_BUCKET", "AZURE_CONTAINER_NAME"):
        environment.setenv(variable, "other")
    assert await read(name_of(store)) == b"image"


@pytest.mark.parametrize("status", REDIRECTS)
async def test_redirects_carry_no_credential_elsewhere(
    read: Read, store: ObjectStore, other: Server, environment: pytest.MonkeyPatch, status: int
) -> None:
    environment.setenv("AWS_SESSION_TOKEN", CANARY)
    store.routes[route_to(store)] = answer(status, location=f"{other.url}/elsewhere")
    with pytest.raises((ImageMissing, ImageUnreachable)):
        await read(name_of(store))
    # The other server looks for the canary in all it was sent, and fails the test.
    for request in other.requests:
        assert "authorization" not in request.headers
        assert "sig=" not in request.text()
    if isinstance(store, S3):
        assert other.requests == []


async def test_a_bucket_of_another_region(read: Read, s3: S3) -> None:
    s3.routes["/photos/a.png"] = answer(301, b"<Code>PermanentRedirect</Code>")
    with pytest.raises(ImageUnreachable, match=r"s3://photos answered 301.*another region.*check AWS_REGION"):
        await read("s3://photos")


async def test_an_error_is_not_taken_from_the_key_or_the_body(read: Read, store: ObjectStore) -> None:
    key = "status code: 404 Debug source: status: 404,"
    body = b"x\n\nDebug source:\nStatus {\n    status: 404,\n    uri: Some(\n        http://identity,\n    ),"
    store.objects[f"photos/{key}"] = b"image"
    store.denied = body
    store.knows = lambda request: False  # type: ignore[method-assign]
    with pytest.raises(ImageUnauthorized, match="answered 403"):
        await read(name_of(store), key)


@pytest.mark.parametrize("status", [400, 500, 503])
async def test_an_error_of_the_store(read: Read, store: ObjectStore, status: int) -> None:
    store.routes[route_to(store)] = answer(status, b"BODY OF THE STORE")
    with pytest.raises(ImageUnreachable, match=f"{name_of(store)} answered {status}") as caught:
        await read(name_of(store))
    assert len(store.requests) <= 3
    check_discretion(caught.value.detail, store)


async def test_an_azure_account_that_is_not_public(read: Read, azure: AzureBlobs) -> None:
    azure.routes["/photos/a.png"] = answer(409, b"<Code>PublicAccessNotPermitted</Code>")
    with pytest.raises(ImageUnauthorized, match=r"409: it is not public; set AZURE_STORAGE_ACCOUNT_NAME"):
        await read("azure-blob://photos")


async def test_nobody_there(read: Read, store: ObjectStore, environment: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"):
        environment.setenv(variable, NOBODY)
    with pytest.raises(ImageUnreachable, match=f"no usable answer from {name_of(store)}; check ") as caught:
        await read(name_of(store))
    check_discretion(caught.value.detail, store)


@pytest.mark.parametrize(
    "endpoint", ["minio:9000", "http://user:pass@minio", "http://minio?x", "ftp://minio"]
)
async def test_what_is_no_endpoint(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch, endpoint: str
) -> None:
    for variable in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"):
        environment.setenv(variable, endpoint)
    with pytest.raises(ImageUnreachable, match=f"the address of {name_of(store)} cannot be used: its URL "):
        await read(name_of(store))


@pytest.mark.slow
async def test_https_is_never_given_up(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"):
        environment.setenv(variable, store.url.replace("http:", "https:"))
    # The server waits for the end of what to it is no request.
    with pytest.raises(ImageTimeout):
        await read(name_of(store), connect_timeout_s=0.3)
    assert store.requests == []


async def test_a_certificate_that_nobody_knows(
    read: Read, store: ObjectStore, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with tls_server(Authority().issue(tmp_path)) as port:
        for variable in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"):
            environment.setenv(variable, f"https://127.0.0.1:{port}")
        with pytest.raises(
            ImageUnreachable, match=rf"certificate of {name_of(store)} .*SSL_CERT_FILE"
        ) as said:
            await read(name_of(store))
    check_discretion(said.value.detail, store)


def test_what_the_machine_lacks_is_no_fault_of_the_store() -> None:
    # As obstore 0.12 words it.
    text = "HTTP error: error sending request\n\nDebug source:\nGeneric {\n"
    text += "    source: Os {\n        code: 24,\n        kind: TooManyOpenFiles,\n    },\n}"
    found = Bucket("gs", "photos").failed(Exception(text))
    assert isinstance(found, Overloaded)
    assert "no open files left for reading from stores" in found.detail
    refused = Bucket("gs", "photos").failed(Exception(text.replace("24", "111")))
    assert isinstance(refused, ImageUnreachable)


async def _half(request: Request, writer: asyncio.StreamWriter) -> None:
    await answer(200, b"half", content_length="8", **META)(request, writer)
    await asyncio.Event().wait()


async def _broken(request: Request, writer: asyncio.StreamWriter) -> None:
    await answer(200, b"half", content_length="8", **META)(request, writer)
    writer.close()


@pytest.mark.slow
@pytest.mark.parametrize("handler", [silent, _half])
async def test_a_store_that_falls_silent(read: Read, store: ObjectStore, handler: Any) -> None:
    store.routes[route_to(store)] = handler
    with pytest.raises(ImageTimeout, match=f"{name_of(store)} was silent for 0.3 s"):
        await read(name_of(store), read_timeout_s=0.3, connect_timeout_s=1)


@pytest.mark.parametrize("handler", [silent, _half])
async def test_the_time_for_all_of_it(read: Read, store: ObjectStore, handler: Any) -> None:
    store.routes[route_to(store)] = handler
    with pytest.raises(ImageTimeout, match=f"{name_of(store)} did not send it within 0.3 s in all"):
        await read(name_of(store), image_timeout_s=0.3)


async def test_a_store_that_breaks_off(read: Read, store: ObjectStore) -> None:
    store.routes[route_to(store)] = _broken
    with pytest.raises(ImageUnreachable, match=f"no usable answer from {name_of(store)}"):
        await read(name_of(store))


async def test_proxies_of_the_environment_are_not_used(
    read: Read, store: ObjectStore, server: Server, environment: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_PROXY_URL", "GOOGLE_PROXY_URL"):
        environment.setenv(variable, server.url)
    assert await read(name_of(store)) == b"image"
    assert await read(name_of(store), image_proxy=server.url) == b"image"
    assert server.requests == []
