"""Clients that read from one bucket, within the limits of the options."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import obstore
from obstore.store import AzureStore, GCSStore

from net.addresses import AllowList, ForbiddenUrl, Origin, parse_url
from net.pace import Pace
from net.resolver import Resolver
from net.tls import TlsFailed
from net.transport import Net
from stores.clouds import Bucket
from stores.options import StoreOptions
from values import evidence
from values.errors import ImageError, ImageUnreachable
from values.evidence import Found

if TYPE_CHECKING:
    from obstore import ObjectMeta

Address = Callable[[str], Awaitable[str]]
"""From the key of an object to an address that carries the credential for it. Raises ImageError."""


class Client(Protocol):
    """Reads from one bucket."""

    async def get(self, key: str, *, content: bool) -> Found:
        """An object: its evidence, and its bytes if the ``content`` is wanted. Raises ImageError."""

    async def aclose(self) -> None:
        """Close its connections."""


class ByAddress:
    """Fetches objects by addresses that carry their credential in them; redirects are not followed."""

    def __init__(self, bucket: Bucket, options: StoreOptions, address: Address, resolver: Resolver) -> None:
        self._bucket = bucket
        self._options = options
        self._address = address
        self._resolver = resolver
        self._net: Net | None = None

    async def get(self, key: str, *, content: bool) -> Found:
        """An object: its evidence, and its bytes if the ``content`` is wanted. Raises ImageError."""
        try:
            url = parse_url(await self._address(key))
        except ForbiddenUrl as error:
            raise self._bucket.misplaced(str(error)) from None
        if self._net is None:
            self._net = Net(self._options, _only(Origin.of(url)), self._resolver)
        try:
            answer = await self._net.send("GET", url, {"Accept": "*/*"}, body=content)
        except TlsFailed as error:
            raise ImageUnreachable(error.detail.replace(str(Origin.of(url)), str(self._bucket))) from None
        except ImageUnreachable:
            raise self._bucket.unreachable() from None
        except ImageError as error:
            raise type(error)(error.detail.replace(str(Origin.of(url)), str(self._bucket))) from None
        if answer.status != 200:
            raise self._bucket.answered(answer.status)
        return Found(answer.body, evidence.of_headers(answer.headers))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._net is not None:
            await self._net.aclose()


def _only(origin: Origin) -> AllowList:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return AllowList([f"{host}:{origin.port}"], None)


class Streamed:
    """Fetches objects by obstore itself, counting their bytes as they come."""

    def __init__(self, bucket: Bucket, options: StoreOptions, store: GCSStore | AzureStore) -> None:
        self._bucket = bucket
        self._options = options
        self._store = store

    async def get(self, key: str, *, content: bool) -> Found:
        """An object: its evidence, and its bytes if the ``content`` is wanted. Raises ImageError."""
        try:
            return await (self._get(key) if content else self._head(key))
        except ImageError:
            raise
        except TimeoutError:
            raise self._bucket.silent(self._options.read_timeout_s) from None
        except Exception as error:
            raise self._bucket.failed(error) from None

    async def _head(self, key: str) -> Found:
        async with self._patience():
            meta = await obstore.head_async(self._store, key)
        self._check(meta)
        return Found(b"", evidence.of_object(meta))

    async def _get(self, key: str) -> Found:
        options = self._options
        async with self._patience():
            found = await obstore.get_async(self._store, key)
        self._check(found.meta)
        # With the smallest chunk each await is for the network, so that the timeout measures silence.
        chunks = aiter(found.stream(min_chunk_size=1))
        body, pace = bytearray(), Pace(str(self._bucket))
        while True:
            async with asyncio.timeout(options.read_timeout_s):
                chunk = await anext(chunks, None)
            if chunk is None:
                return Found(body, evidence.of_object(found.meta))
            pace.received(len(chunk))
            body += chunk
            if len(body) > options.max_image_bytes:
                raise self._bucket.too_large(options.max_image_mib)

    def _patience(self) -> asyncio.Timeout:
        return asyncio.timeout(self._options.connect_timeout_s + self._options.read_timeout_s)

    def _check(self, meta: ObjectMeta) -> None:
        if meta["size"] > self._options.max_image_bytes:
            raise self._bucket.too_large(self._options.max_image_mib)

    async def aclose(self) -> None:
        """Nothing to do: obstore closes connections when it is dropped."""
