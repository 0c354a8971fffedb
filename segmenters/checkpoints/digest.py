"""SHA-256 of files, remembered beside them because reading gigabytes takes seconds."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import stat
import uuid
from pathlib import Path
from typing import Any

from segmenters.checkpoints.progress import Progress
from values.errors import ModelError


def sha256_of(path: Path) -> str:
    """SHA-256 of the file's content, lower case hex, from the small file beside it if that is still valid.

    A file whose size, modification time or inode has changed is read again. Raises
    ``values.errors.ModelError`` for what is no file or cannot be read.
    """
    known = _remembered(path)
    return known if known is not None else computed(path)


def computed(path: Path, progress: Progress | None = None) -> str:
    """As ``sha256_of``, but always computed from the file itself. The result is remembered."""
    before = _identity(path)
    try:
        with path.open("rb") as file:
            counted = _Counted(file, before[0], progress)
            sha256 = hashlib.file_digest(counted, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None
    if _identity(path) == before:
        remember(path, sha256)
    return sha256


def check_file(path: Path) -> bytes:
    """The first 64 bytes of the file. Raises ``values.errors.ModelError`` as ``sha256_of`` does."""
    _identity(path)
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise _unreadable(path, error) from None


def remember(path: Path, sha256: str) -> None:
    """Write the SHA-256 of the file, as it is at this moment, beside it if its folder can be written."""
    size, modified, inode = _identity(path)
    content = {"sha256": sha256, "size": size, "mtime_ns": modified, "inode": inode}
    # Several replicas may write at once, so each moves a whole file to that place.
    aside = sidecar(path).with_suffix(f".{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):
        try:
            aside.write_text(json.dumps(content))
            aside.replace(sidecar(path))
        finally:
            aside.unlink(missing_ok=True)


def sidecar(path: Path) -> Path:
    """The path of the file that holds the SHA-256 of ``path``."""
    return path.with_name(f"{path.name}.sha256.json")


def _remembered(path: Path) -> str | None:
    size, modified, inode = _identity(path)
    try:
        content: Any = json.loads(sidecar(path).read_text())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    kept = [content.get(name) for name in ("size", "mtime_ns", "inode")]
    sha256 = content.get("sha256")
    if kept != [size, modified, inode] or not isinstance(sha256, str) or len(sha256) != 64:
        return None
    return sha256


def _identity(path: Path) -> tuple[int, int, int]:
    """Size in bytes, modification time in ns, inode."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    # Opening a pipe would block for ever.
    if not stat.S_ISREG(found.st_mode):
        raise ModelError(f"the checkpoint {path} is not a file; name a file of weights")
    return found.st_size, found.st_mtime_ns, found.st_ino


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"cannot read the checkpoint {path}: {error.strerror or error}; put the file there, or correct the "
        "setting that names it (a relative path is in MODEL_DIR)"
    )


class _Counted:
    """A file that reports how much of it has been read."""

    def __init__(self, file: io.BufferedReader, total: int, progress: Progress | None) -> None:
        self._file = file
        self._total = total
        self._progress = progress
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:
        count = self._file.readinto(buffer)
        self._done += count
        if self._progress and count:
            self._progress(self._done, self._total)
        return count
