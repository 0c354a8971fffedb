"""Where embeddings are kept across restarts: a folder of a file system or of a bucket, and its opening."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from concurrency.abandonable import run_abandonable
from stores.buckets import parse_store
from stores.clouds import Bucket, is_on, status_in, variable, without_blank_variables
from stores.connect import client_settings, s3_config

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_KEY = re.compile(r"[0-9a-f]{40}")
_SEGMENTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_OURS = re.compile(r"[^/]+/([0-9a-f]{2})/\1[0-9a-f]{38}\.safetensors")
_OS_ERROR = re.compile(r"(?:^|: )([^:\n]+) \(os error \d+\)")


def object_name(segmenter: str, key: str) -> str:
    """The name of an embedding in its place: ``<segmenter>/<key[:2]>/<key>.safetensors``.

    Raises ValueError for a key that is not 40 hex digits and a segmenter that is no name for a folder.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"an image key has 40 hex digits, which {key!r} has not")
    if not _SEGMENTER.fullmatch(segmenter):
        raise ValueError(f"the segmenter's version {segmenter!r} cannot be the name of a folder")
    return f"{segmenter}/{key[:2]}/{key}.safetensors"


def is_object_name(name: str) -> bool:
    """Whether an object is named like an embedding; nothing else in its place is ever removed."""
    return _OURS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the file system, which several processes and machines may share."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def remedy(self) -> str:
        """What to look after when it fails."""
        return "check that this folder exists where the decoders run, has room and may be written"

    async def open(self, timeout_s: float) -> ObjectStore:
        """What reads and writes there; makes the folder. Raises OSError or an error of obstore."""
        return await run_abandonable(lambda: LocalStore(self.path, mkdir=True), "opening embeddings")


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """A bucket, or what is below ``prefix`` in it where that is not ""."""

    bucket: Bucket
    prefix: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.prefix}".removesuffix("/")

    @property
    def remedy(self) -> str:
        """What to look after when it fails."""
        bucket = self.bucket
        return (
            f"check that the bucket exists, its address ({bucket.address}), and that the credentials "
            f"({bucket.credentials}) may read, write, list and delete there; these are variables where the "
            "decoders run"
        )

    async def open(self, timeout_s: float) -> ObjectStore:
        """What reads and writes there, by the environment as it is now. Raises an error of obstore."""
        with without_blank_variables():
            return self._open(timeout_s)

    def _open(self, timeout_s: float) -> ObjectStore:
        name, prefix = self.bucket.name, self.prefix or None
        if self.bucket.scheme == "s3":
            endpoint = variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
            config: Any = {} if endpoint is None else s3_config(name, endpoint)
            return S3Store(name, prefix=prefix, config=config, **_settings(timeout_s, endpoint))
        if self.bucket.scheme == "gs":
            return GCSStore(name, prefix=prefix, **_settings(timeout_s, variable("GOOGLE_BASE_URL")))
        endpoint = variable("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
        allow_http = is_on("AZURE_STORAGE_USE_EMULATOR")
        return AzureStore(name, prefix=prefix, **_settings(timeout_s, endpoint, allow_http=allow_http))


def _settings(timeout_s: float, endpoint: str | None, *, allow_http: bool = False) -> Any:
    # Twice: the limit that counts is of the whole operation, and the tier sets it.
    return client_settings(timeout_s, 2 * timeout_s, endpoint, allow_http=allow_http)


Place = Folder | BucketFolder


def parse_place(value: str) -> Place:
    """A folder by its absolute path, or ``s3://``, ``gs://``, ``azure-blob://`` or ``az://`` and a bucket.

    Raises ValueError with a sentence.
    """
    if "://" in value:
        store = parse_store(re.sub("^az://", "azure-blob://", value))
        return BucketFolder(Bucket(store.scheme, store.bucket), store.prefix)
    path = Path(value)
    if not path.is_absolute() or ".." in path.parts or any(character < " " for character in value):
        # Relative to what? Each replica runs in a folder of its own.
        raise ValueError(f"{value!r} is neither the absolute path of a folder nor the address of a bucket")
    return Folder(path)


def why(error: Exception) -> str:
    """What an error of obstore or the system means, in a few words.

    Its own text holds addresses and the bodies of answers; only the system's words are taken from it.
    """
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if status := status_in(error):
        return f"it answered {status}"
    if said := _OS_ERROR.search(str(error)):
        return said[1]
    return "no such place" if isinstance(error, FileNotFoundError) else "no usable answer"
