"""Objects read straight from cloud stores, with each cloud's own credentials.

Only what IMAGE_STORES names is read. Of the environment, where the fetchers run, these variables matter; a
blank one counts as not set:

* S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; else AWS_WEB_IDENTITY_TOKEN_FILE with
  AWS_ROLE_ARN, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, or AWS_CONTAINER_CREDENTIALS_FULL_URI with
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE; else the instance's role (AWS_METADATA_ENDPOINT). AWS_REGION or
  AWS_DEFAULT_REGION, us-east-1 if neither. AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or AWS_ENDPOINT. Buckets are
  asked for by path, or with AWS_VIRTUAL_HOSTED_STYLE_REQUEST=true by host, the bucket in front of that of the
  endpoint. AWS_SKIP_SIGNATURE=true is for public buckets. Neither ~/.aws nor AWS_PROFILE is read.
* Google: GOOGLE_APPLICATION_CREDENTIALS (a file of type service_account or authorized_user),
  GOOGLE_SERVICE_ACCOUNT (the path of such a file), GOOGLE_SERVICE_ACCOUNT_KEY (its content) or
  GOOGLE_BEARER_TOKEN; else the file that `gcloud auth application-default login` writes; else the instance's
  identity (GCE_METADATA_HOST, GCE_METADATA_IP). GOOGLE_BASE_URL. GOOGLE_SKIP_SIGNATURE=true.
* Azure: AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_ACCOUNT_KEY or
  AZURE_STORAGE_TOKEN, or AZURE_CLIENT_ID and AZURE_TENANT_ID with AZURE_CLIENT_SECRET or
  AZURE_FEDERATED_TOKEN_FILE; else the managed identity (AZURE_MSI_ENDPOINT). AZURE_STORAGE_ENDPOINT.
  AZURE_SKIP_SIGNATURE=true. AZURE_STORAGE_USE_EMULATOR=true. Connection strings are not read.

They are read when a bucket is first asked for. An endpoint that begins with http:// is spoken to without TLS,
any other with it; SSL_CERT_FILE names a private authority (AWS_CA_BUNDLE does not). Proxies from the
environment are not used, nor is IMAGE_PROXY.
"""

from __future__ import annotations

import asyncio

from net.resolver import Resolver, resolve
from stores.buckets import parse_store
from stores.clients import Client
from stores.clouds import Bucket
from stores.connect import connect
from stores.options import StoreOptions
from values.errors import ImageForbidden
from values.evidence import Found
from values.locations import StoredObject

__all__ = ["Stores", "parse_store"]


class Stores:
    """The stores of IMAGE_STORES. One per process; used from one event loop."""

    def __init__(self, options: StoreOptions, resolver: Resolver = resolve) -> None:
        self._options = options
        self._resolver = resolver
        self._entries = [parse_store(entry) for entry in options.image_stores]
        self._clients: dict[Bucket, Client] = {}

    def holds(self, location: StoredObject) -> bool:
        """Whether an entry of IMAGE_STORES covers an object."""
        return any(entry.covers(location) for entry in self._entries)

    async def read(self, location: StoredObject, *, content: bool = True) -> Found:
        """An object: its bytes and evidence; without ``content``, the evidence alone.

        Raises ImageForbidden where ``holds`` says no, ImageMissing, ImageUnauthorized, ImageUnreachable,
        ImageTimeout or ImageTooLarge.
        """
        bucket = Bucket(location.scheme, location.bucket)
        if not self.holds(location):
            raise ImageForbidden(f"no entry of IMAGE_STORES covers it; add {bucket} if it may be read")
        seconds = self._options.image_timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await self._client(bucket).get(location.key, content=content)
        except TimeoutError:
            raise bucket.slow(seconds) from None

    def _client(self, bucket: Bucket) -> Client:
        # Not remembered when that fails: a missing variable or file may be there the next time.
        if bucket not in self._clients:
            self._clients[bucket] = connect(bucket, self._options, self._resolver)
        return self._clients[bucket]

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()
