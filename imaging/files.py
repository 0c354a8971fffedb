"""The one place that opens files for images: regular files inside one folder, by paths that tasks name.

The path is resolved first, and then walked from the folder down without following links. So nobody gains
anything by replacing a folder with a link between the check and the opening (a race).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from values import evidence
from values.errors import ImageForbidden, ImageMissing, ImageTooLarge, ImageUnreachable, ServiceError
from values.evidence import Found
from values.exhaustion import exhausted

# A separator that is still encoded after decoding was encoded twice, which only serves to get past a check.
_ENCODED = re.compile(r"%(2f|5c|2e|00)", re.IGNORECASE)

# Errors in following a path that are the fault of the disk or the machine.
_NOT_THE_PATHS = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOMEM, errno.EMFILE, errno.ENFILE}


def read_file(root: Path, path: str, max_bytes: int, *, content: bool = True) -> Found:
    """The file at ``path``, relative to ``root``: its bytes and evidence. Blocks; call it off the event loop.

    Without ``content`` it is opened and not read. Raises ImageForbidden for a path that leaves ``root`` or is
    no regular file, ImageMissing, ImageTooLarge, ImageUnreachable; Overloaded where the machine lacks
    something.
    """
    _check(path)
    try:
        real_root = Path(os.path.realpath(root, strict=True))
        real = Path(os.path.realpath(real_root / path, strict=True))
    except (FileNotFoundError, NotADirectoryError):
        raise ImageMissing("there is no such file under LOCAL_FILES_DOCUMENT_ROOT") from None
    except OSError as error:
        if error.errno in _NOT_THE_PATHS:
            raise _unread(error) from None
        raise ImageForbidden("its file path cannot be followed") from None
    if not real.is_relative_to(real_root) or real == real_root:
        raise ImageForbidden("its file is outside LOCAL_FILES_DOCUMENT_ROOT")
    try:
        return _open_and_read(real_root, real.relative_to(real_root).parts, max_bytes, content)
    except FileNotFoundError:
        raise ImageMissing("there is no such file under LOCAL_FILES_DOCUMENT_ROOT") from None
    except (OSError, MemoryError) as error:
        raise _unread(error) from None


def _unread(error: OSError | MemoryError) -> ServiceError:
    if (lack := exhausted(error, "reading an image's file")) is not None:
        return lack
    number = error.errno if isinstance(error, OSError) else None
    return ImageUnreachable(f"its file cannot be read ({os.strerror(number or 0)})")


def _check(path: str) -> None:
    parts = path.split("/")
    if not path or path.startswith("/"):
        raise ImageForbidden("its file path must be relative to LOCAL_FILES_DOCUMENT_ROOT")
    if ".." in parts or "\\" in path or _ENCODED.search(path) or any(character < " " for character in path):
        raise ImageForbidden("its file path has .., a backslash or control characters")


def _open_and_read(root: Path, parts: tuple[str, ...], max_bytes: int, content: bool) -> Found:
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Non-blocking, because opening a named pipe waits for a writer.
        opened = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        # Evidence before content: if the file is written in between, the evidence is of the older content,
        # and the next recheck finds the difference.
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode):
            raise ImageForbidden("its file is not a regular file")
        data = _read(opened, max_bytes + 1) if content else b""
    finally:
        os.close(opened)
    if max(len(data), found.st_size) > max_bytes:
        limit = f"{max_bytes / 2**20:.3g} MiB"
        raise ImageTooLarge(f"its file has more than {limit}; raise MAX_IMAGE_MIB if it should be read")
    return Found(data, evidence.of_file(found))


def _read(opened: int, most: int) -> bytes:
    with os.fdopen(opened, "rb", closefd=False) as file:
        return file.read(most)
