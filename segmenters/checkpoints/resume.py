"""How a broken download is resumed: the part of the file on disk, and the server's answer for the rest."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from net.file_client import FileAnswer, shown
from values.errors import ModelError

if TYPE_CHECKING:
    from hashlib import _Hash

_MAY_PASS = frozenset({408, 425, 429})
_LOGIN = frozenset({401, 403, 407})


class Partial:
    """The part of a file that is on disk: ``TARGET.part``, and a note beside it that names its version.

    The note is there so that a server sends the rest of that version only. Any method may raise OSError.
    """

    def __init__(self, target: Path, source: str) -> None:
        """``source``: the address that it comes from, without secrets. A part from elsewhere is not used."""
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self._target = target
        self._source = source

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size if self.path.exists() else 0

    def digest(self) -> _Hash:
        """SHA-256 of the bytes on disk, to be updated with the rest."""
        if not self.size:
            return hashlib.sha256()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256")

    def range_headers(self) -> dict[str, str]:
        """The headers that ask for the rest; none where the whole file has to be asked for."""
        version, size = self._version(), self.size
        if not size or version is None:
            return {}
        return {"Range": f"bytes={size}-", "If-Range": version}

    def start(self, headers: Mapping[str, str]) -> BinaryIO:
        """The part, emptied and open for writing. ``headers``: the answer's, which name the version."""
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
        """The part, open for writing behind its last byte."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Delete the part and its note."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        """Move the whole file to its place, where nobody ever sees half of it, not even after a power cut."""
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


class Again(Exception):
    """A failure that the next attempt may not meet. Its text is the end of a sentence.

    ``afresh``: the part on disk is of no use, so the next attempt begins at the file's start.
    """

    def __init__(self, why: str, *, afresh: bool = False) -> None:
        super().__init__(why)
        self.afresh = afresh


def is_rest(answer: FileAnswer, url: str, size: int | None) -> bool:
    """True for an answer that is the rest of the file behind ``size`` bytes, False for the whole file.

    ``size``: None where the whole was asked for. Raises ``Again`` and ``values.errors.ModelError`` for an
    answer that is neither.
    """
    status = answer.status
    if size is not None and status == 206:
        if _begins(answer) == size and "content-encoding" not in answer.headers:
            return True
        raise Again("it answers with another part of the file than it was asked for", afresh=True)
    if size is not None and status == 416:
        raise Again("it does not have the rest of the file", afresh=True)
    if status >= 500 or status in _MAY_PASS:
        raise Again(f"it answers {status}")
    if status != 200:
        raise ModelError(_refusal(status, url))
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        raise ModelError(
            f"{shown(url)} answers with a web page instead of a file: a login page or a proxy may be "
            "in between; check the network, HTTPS_PROXY and CHECKPOINT_MIRROR"
        )
    return False


def whole_size(answer: FileAnswer, url: str, before: int, size: int | None) -> int | None:
    """Bytes of the whole file, or None where nobody says. ``before``: those in front of the answer's.

    ``size``: bytes that the file must have, or None. Raises ``values.errors.ModelError`` where the answer has
    another number.
    """
    length = answer.headers.get("content-length", "")
    if not length.isdecimal() or "content-encoding" in answer.headers:
        return size
    total = before + int(length)
    if size is not None and total != size:
        raise ModelError(
            f"{shown(url)} is a file of {total} bytes, expected {size}: it is not the published one; check "
            "CHECKPOINT_MIRROR, or the network if a login page may be in between"
        )
    return total


def _version_of(headers: Mapping[str, str]) -> str | None:
    """The value for If-Range: a strong ETag, or else the time of the last change."""
    if "content-encoding" in headers:
        return None
    tag = headers.get("etag")
    if tag is not None and tag.startswith('"'):
        return tag
    return headers.get("last-modified")


def _begins(answer: FileAnswer) -> int | None:
    """The place in the file of the answer's first byte, as Content-Range has it."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
    return int(found[1]) if found else None


def _refusal(status: int, url: str) -> str:
    if status == 404:
        why = "there is no such file; check CHECKPOINT_MIRROR"
    elif status in _LOGIN:
        why = "it wants a login or lets nobody in from here; check CHECKPOINT_MIRROR and HTTPS_PROXY"
    else:
        why = "check the address and CHECKPOINT_MIRROR"
    return f"{shown(url)} answers {status}: {why}"
