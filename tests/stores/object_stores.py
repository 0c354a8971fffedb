"""Small honest object stores on loopback: each checks the credential of its cloud before it answers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable, Coroutine
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from testing.canary import CANARY
from tests.imaging.servers import Request, Server, answer
from values.evidence import Content

MISSING = b"<Error><Code>NoSuchKey</Code><Message>BODY OF THE STORE</Message></Error>"
ENTRIES = "s3://photos,gs://photos,azure-blob://photos"
NOBODY = "http://127.0.0.1:1"
Read = Callable[..., Coroutine[None, None, Content]]
"""Reads one object, by the name of its bucket and its key; options by keyword."""

META = {"last_modified": "Wed, 21 Oct 2015 07:28:00 GMT", "etag": '"1"'}
"""Headers of every object; without them Google's and Azure's clients refuse an answer."""


class ObjectStore(Server):
    """Serves ``objects``, named "bucket/key", to whom ``knows``; ``routes`` come first."""

    may_see_secrets = True

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.denied = b"<Error><Code>AccessDenied</Code><Message>BODY OF THE STORE</Message></Error>"

    def knows(self, request: Request) -> bool:
        """Whether the request carries the credential it must."""
        raise NotImplementedError

    def name(self, request: Request) -> str:
        """The "bucket/key" that is asked for."""
        return unquote(request.path.removeprefix("/"))

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        content = self.objects.get(self.name(request))
        handler = answer(404, MISSING)
        if content is not None:
            handler = answer(200, content, **META)
        if not self.knows(request):
            handler = answer(403, self.denied)
        await self.routes.get(request.path, handler)(request, writer)


class S3(ObjectStore):
    """Takes addresses that are signed by AWS signature 4, as S3 computes it."""

    access_key = "AKIDEXAMPLE"
    secret_key = f"secret/{CANARY}"
    region = "us-east-1"

    def knows(self, request: Request) -> bool:
        query = parse_qsl(urlsplit(request.target).query, keep_blank_values=True)
        given = dict(query)
        day = given.get("X-Amz-Date", "")[:8]
        scope = f"{day}/{self.region}/s3/aws4_request"
        if given.get("X-Amz-Credential") != f"{self.access_key}/{scope}":
            return False
        encoded = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in query)
        canonical = "\n".join(
            [
                request.method,
                quote(unquote(request.path), safe="/-_.~"),
                "&".join(f"{name}={value}" for name, value in encoded if name != "X-Amz-Signature"),
                f"host:{request.headers['host']}\n",
                "host",
                "UNSIGNED-PAYLOAD",
            ]
        )
        to_sign = "\n".join(
            ["AWS4-HMAC-SHA256", given["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
        )
        key = f"AWS4{self.secret_key}".encode()
        for part in (*scope.split("/"), to_sign):
            key = hmac.digest(key, part.encode(), "sha256")
        return given.get("X-Amz-Signature") == key.hex()


class GoogleStorage(ObjectStore):
    """Takes a bearer token, or one that a service account signed with its own key."""

    token = f"ya29.{CANARY}"

    def __init__(self) -> None:
        super().__init__()
        self._key: rsa.RSAPrivateKey | None = None

    def service_account(self) -> dict[str, str]:
        """What the file of a service account holds that this store knows from now on."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        names = {"type": "service_account", "client_email": "reader@example.org", "private_key_id": "1"}
        return names | {"private_key": pem.decode()}

    def knows(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or self._key is None:
            return kind == "Bearer" and token == self.token
        signed, _, signature = token.rpartition(".")
        try:
            self._key.public_key().verify(
                base64.urlsafe_b64decode(signature + "=="),
                signed.encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except InvalidSignature:
            return False
        return True


class AzureBlobs(ObjectStore):
    """Takes a request signed with the account's key, or a shared access signature."""

    account = "acc"
    key = base64.b64encode(CANARY.encode()).decode()
    shared = f"sv=2024-11-04&sr=c&sp=r&sig={CANARY}%3D"

    def knows(self, request: Request) -> bool:
        if query := urlsplit(request.target).query:
            return query == self.shared
        named = sorted((name, value) for name, value in request.headers.items() if name.startswith("x-ms-"))
        lines = [
            request.method,
            *([""] * 5),
            request.headers.get("date", ""),
            *([""] * 5),
            *(f"{name}:{value}" for name, value in named),
            f"/{self.account}{request.path}",
        ]
        signature = hmac.digest(base64.b64decode(self.key), "\n".join(lines).encode(), "sha256")
        return request.headers.get("authorization") == (
            f"SharedKey {self.account}:{base64.b64encode(signature).decode()}"
        )


VARIABLES: dict[type[ObjectStore], str] = {
    S3: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    GoogleStorage: "GOOGLE_APPLICATION_CREDENTIALS",
    AzureBlobs: "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
"""What a sentence says where credentials are missing."""


def name_of(store: ObjectStore) -> str:
    """How IMAGE_STORES names the bucket that the tests read from."""
    return {S3: "s3://photos", GoogleStorage: "gs://photos", AzureBlobs: "azure-blob://photos"}[type(store)]


def route_to(store: ObjectStore) -> str:
    """The path that the store is asked for, for photos/a.png."""
    # Google's client encodes dots as well.
    return "/photos/a%2Epng" if isinstance(store, GoogleStorage) else "/photos/a.png"


def check_discretion(said: str, store: ObjectStore) -> None:
    """A sentence holds no body, no secret and no address."""
    assert "BODY OF THE STORE" not in said
    assert CANARY not in said
    assert "127.0.0.1" not in said
    assert str(store.port) not in said


async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
    """A handler that never answers."""
    await asyncio.Event().wait()
