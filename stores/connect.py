"""From the environment to the client of a bucket.

obstore follows redirects, and sends everything but the Authorization header to the new host. So it fetches
objects itself only where that header holds the whole credential (Google, Azure). Where a secret is in
another header or in the query (S3, Azure with a shared access signature), obstore only signs the address, and
``net`` fetches.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import obstore
from obstore.store import AzureStore, GCSStore, S3Store

from net.addresses import ForbiddenUrl, parse_url
from net.resolver import Resolver
from stores.clients import Address, ByAddress, Client, Streamed
from stores.clouds import Bucket, is_on, variable, without_blank_variables
from stores.options import StoreOptions
from values.errors import ImageError

# As wide as what S3 allows two clocks to differ by.
_SIGNED_FOR = timedelta(minutes=15)
# A proxy that is never used keeps obstore's HTTP client from looking for one in the environment.
_NO_PROXY = {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": "*,0.0.0.0/0,::/0"}


def connect(bucket: Bucket, options: StoreOptions, resolver: Resolver) -> Client:
    """The client of ``bucket``, from the variables of the environment.

    Raises ImageUnauthorized or ImageUnreachable for variables that cannot be used.
    """
    with without_blank_variables():
        return _connect(bucket, options, resolver)


def _connect(bucket: Bucket, options: StoreOptions, resolver: Resolver) -> Client:
    try:
        if bucket.scheme == "s3":
            return ByAddress(bucket, options, _s3(bucket, options), resolver)
        if bucket.scheme == "gs":
            settings = _settings(options, _endpoint(bucket, "GOOGLE_BASE_URL"))
            return Streamed(bucket, options, GCSStore(bucket.name, **settings))
        endpoint = _endpoint(bucket, "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
        if shared := variable("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"):
            return ByAddress(bucket, options, _shared_access(bucket, endpoint, shared), resolver)
        settings = _settings(options, endpoint, allow_http=is_on("AZURE_STORAGE_USE_EMULATOR"))
        return Streamed(bucket, options, AzureStore(bucket.name, **settings))
    except ImageError:
        raise
    except Exception:
        # For example half of a pair of keys, a file that cannot be read, an account that is not named.
        raise bucket.no_credentials() from None


def _s3(bucket: Bucket, options: StoreOptions) -> Address:
    endpoint = _endpoint(bucket, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    config: Any = {} if endpoint is None else s3_config(bucket.name, endpoint)
    unsigned = is_on("AWS_SKIP_SIGNATURE")
    if unsigned:
        config |= {"access_key_id": "none", "secret_access_key": "none"}
    store = S3Store(bucket.name, config=config, **_settings(options, endpoint))

    async def address(key: str) -> str:
        try:
            async with asyncio.timeout(options.connect_timeout_s + options.read_timeout_s):
                signed = await obstore.sign_async(store, "GET", key, _SIGNED_FOR)
        except Exception:
            # Signing asks only those who hand out credentials.
            raise bucket.no_credentials() from None
        return signed.partition("?")[0] if unsigned else signed

    return address


def s3_config(bucket: str, endpoint: str) -> Any:
    """The part of obstore's configuration that says where a bucket is, for endpoints other than AWS's own."""
    by_host = is_on("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")
    if by_host:
        # obstore leaves this to the operator; without it a key could name another bucket.
        parts = urlsplit(endpoint)
        endpoint = parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()
    return {"aws_endpoint_url_s3": endpoint, "virtual_hosted_style_request": by_host}


def _shared_access(bucket: Bucket, endpoint: str | None, shared: str) -> Address:
    account = variable("AZURE_STORAGE_ACCOUNT_NAME")
    if endpoint is None and account is None:
        raise bucket.no_credentials()
    base = (endpoint or f"https://{account}.blob.core.windows.net").rstrip("/")

    async def address(key: str) -> str:
        return f"{base}/{bucket.name}/{quote(key)}?{shared.removeprefix('?')}"

    return address


def _endpoint(bucket: Bucket, *names: str) -> str | None:
    """The address in the first of these variables that is set."""
    endpoint = variable(*names)
    if endpoint is None:
        return None
    try:
        url = parse_url(endpoint)
    except ForbiddenUrl as error:
        raise bucket.misplaced(str(error)) from None
    if url.query or url.fragment:
        raise bucket.misplaced("its URL has a ? or #")
    return endpoint.rstrip("/")


def _settings(options: StoreOptions, endpoint: str | None, *, allow_http: bool = False) -> Any:
    connect_s, timeout_s = options.connect_timeout_s, options.image_timeout_s
    return client_settings(connect_s, timeout_s, endpoint, allow_http=allow_http)


def client_settings(
    connect_timeout_s: float, timeout_s: float, endpoint: str | None, *, allow_http: bool = False
) -> Any:
    """Options of obstore's HTTP client: seconds to connect and in all, no proxy, one more try.

    An ``endpoint`` that begins with http:// is spoken to without TLS.
    """
    plain = endpoint is not None and urlsplit(endpoint).scheme == "http"
    return {
        "client_options": {
            "allow_http": allow_http or plain,
            "connect_timeout": timedelta(seconds=connect_timeout_s),
            "timeout": timedelta(seconds=timeout_s),
            **_NO_PROXY,
        },
        # One more try without a pause, because a click waits for the answer.
        "retry_config": {
            "max_retries": 1,
            "retry_timeout": timedelta(seconds=timeout_s),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(milliseconds=200),
                "base": 2,
            },
        },
    }
