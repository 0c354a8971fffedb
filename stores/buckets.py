"""Which objects of cloud stores may be read: the entries of IMAGE_STORES."""

from __future__ import annotations

import re
from dataclasses import dataclass

from values.locations import StoredObject

_ENTRY = re.compile(r"(s3|gs|azure-blob)://([^/]*)(?:/(.*))?", re.DOTALL)
# What all three clouds allow, and a little more: these characters mean nothing in a URL's host or path.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Store:
    """One entry of IMAGE_STORES: what is below ``prefix`` in ``bucket``, or all of it where that is ""."""

    scheme: str
    bucket: str
    prefix: str

    def covers(self, location: StoredObject) -> bool:
        """Whether an object is in this store. Folders count as a whole: 2024 does not cover 2024x/a.png.

        Never for a key with an empty, ``.`` or ``..`` segment or with control characters: where such a key
        leads depends on who reads it.
        """
        if (location.scheme, location.bucket) != (self.scheme, self.bucket) or not _is_plain(location.key):
            return False
        return not self.prefix or location.key.startswith(f"{self.prefix}/")


def parse_store(entry: str) -> Store:
    """One entry of IMAGE_STORES: ``s3://``, ``gs://`` or ``azure-blob://``, a bucket, maybe a folder in it.

    The folder is taken as it is, nothing in it is decoded. Raises ValueError with a sentence.
    """
    # Somebody may have put a key and its secret in front of the bucket.
    said = "an entry with @ in it" if "@" in entry else repr(entry)
    parts = _ENTRY.fullmatch(entry)
    if parts is None:
        raise ValueError(
            f"{said} is not s3://bucket, gs://bucket or azure-blob://container, with or without a folder"
        )
    scheme, bucket, prefix = parts[1], parts[2], (parts[3] or "").removesuffix("/")
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ValueError(
            f"{said} names no bucket: that has 3 to 222 small letters, digits, dots, hyphens and underscores"
        )
    if "*" in prefix:
        raise ValueError(f"{said} has a *, which is not needed: a folder covers everything in it")
    if prefix and not _is_plain(prefix):
        raise ValueError(
            f"{said} names a folder with an empty part, with . or .., or with control characters"
        )
    return Store(scheme, bucket, prefix)


def _is_plain(key: str) -> bool:
    if any(character < " " or "\x7f" <= character < "\xa0" for character in key):
        return False
    # A lone surrogate, which JSON can carry, has no bytes to be asked for with.
    if any("\ud800" <= character <= "\udfff" for character in key):
        return False
    return not {"", ".", ".."} & set(key.split("/"))
