"""Cheap evidence of which content is at an image's address: the same as long as the content is.

It is told by who keeps the image, never by its bytes, so that it can be asked again without reading them. Two
different contents with the same evidence are possible, as where a tool sets the time of a file back.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

Content = bytes | bytearray
"""What an image's bytes come as: never copied, they may be many."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is at an image's address: its bytes, and evidence of which they are, "" where there is none.

    The bytes are b"" where the evidence alone was asked for. Evidence is a hash in hex: a host may say
    anything.
    """

    content: Content
    evidence: str = ""


def of_headers(headers: Mapping[str, str]) -> str:
    """Evidence in the headers (lower-case names) of an answer that has the image: its ETag, weak or strong.

    Else its Last-Modified and Content-Length together, but not a time that is that of the answer itself:
    whoever makes an image anew for each request gives it one like that. A length alone says nothing.
    """
    if tag := headers.get("etag", "").strip():
        return _hashed("etag", tag)
    modified, length = headers.get("last-modified", "").strip(), headers.get("content-length", "").strip()
    if not modified or not length or not _is_earlier(modified, headers.get("date", "")):
        return ""
    return _hashed("modified", f"{modified} {length}")


def of_file(found: os.stat_result) -> str:
    """Evidence of a file: its size and time.

    In the form of the ETag that Label Studio gives its local files, so that it is the same for whoever reads
    them over HTTP. Not the inode: file systems in user space give a file another one now and then, and so do
    two machines with a copy each.
    """
    return _hashed("etag", f'W/"{found.st_mtime_ns:x}-{found.st_size:x}"')


def of_object(meta: Mapping[str, object]) -> str:
    """Evidence of an object, by what obstore tells of it: its version, else its ETag, else time and size."""
    if version := meta["version"] or meta["e_tag"]:
        return _hashed("object", str(version))
    return _hashed("modified", f"{meta['last_modified']} {meta['size']}")


def _hashed(kind: str, told: str) -> str:
    return hashlib.sha256(f"{kind}\n{told}".encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _is_earlier(modified: str, date: str) -> bool:
    """Whether a time is one before that of the answer, if the answer says its own."""
    try:
        return not date or parsedate_to_datetime(modified) < parsedate_to_datetime(date)
    except (ValueError, TypeError):  # no dates, or only one of them with a time zone
        return False
