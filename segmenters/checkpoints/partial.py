"""A file that is not all there yet."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from hashlib import _Hash


class Partial:
    """What is there of a download: ``TARGET.part``, and beside it which version of the file it is part of.

    A server is asked for the rest only if it then answers with that version. Any method may raise OSError.
    """

    def __init__(self, target: Path, source: str) -> None:
        """``source``: the address it comes from, without secrets; a part from another one is of no use."""
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._target = target
        self._source = source

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    def digest(self) -> _Hash:
        """SHA-256 of the bytes that are there, ready for more."""
        if not self.size:
            return hashlib.sha256()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")

    def range_headers(self) -> dict[str, str]:
        """The headers that ask for the rest, none when the file has to be asked for from its start."""
        version, size = self._version(), self.size
        if not size or version is None:
            return {}
        return {"Range": f"bytes={size}-", "If-Range": version}

    def start(self, headers: Mapping[str, str]) -> BinaryIO:
        """The file, emptied. ``headers`` are the answer's: they say which version begins here."""
        self._note.unlink(missing_ok=True)
        file = self.path.open("wb")
        try:
            version = _version_of(headers)
            if version is not None:
                self._note.write_text(json.dumps({"source": self._source, "version": version}))
        except BaseException:
            file.close()
            raise
        return file

    def resume(self) -> BinaryIO:
        """The file, to write on after the bytes that are there."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Forget all that is there."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Put the file in its place: nobody ever sees half of it there, not even after a power cut."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self._target)
        self._note.unlink(missing_ok=True)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _version(self) -> str | None:
        try:
            note: Any = json.loads(self._note.read_text())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(note, dict) or note.get("source") != self._source:
            return None
        version = note.get("version")
        return version if isinstance(version, str) and version.isascii() and version.isprintable() else None


def _version_of(headers: Mapping[str, str]) -> str | None:
    """What If-Range takes: a strong ETag, or else the time of the last change."""
    if "content-encoding" in headers:
        return None
    tag = headers.get("etag")
    if tag is not None and tag.startswith('"'):
        return tag
    return headers.get("last-modified")
