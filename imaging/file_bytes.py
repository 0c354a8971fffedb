"""An image file in memory, as decoders read it."""

from __future__ import annotations

import io
import os
from typing import Any

LARGE = 16 * 2**20
"""Bytes of a file above which a second copy in memory has to be avoided."""

_BACK = 2**20  # readers go back a little, to where a tile begins
_STEP = 4 * 2**20


class _Bytes(io.RawIOBase):
    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data
        self._at = 0
        self._gone = 0
        self._used_up = False

    def use_up(self) -> None:
        self._used_up = isinstance(self._data, bytearray) and len(self._data) > LARGE

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; the number of bytes read. Raises OSError for bytes that were removed."""
        start = self._at - self._gone
        if start < 0:
            raise OSError("these bytes were read before")
        found = self._data[start : start + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        behind = self._at - _BACK - self._gone
        if self._used_up and isinstance(self._data, bytearray) and behind > _STEP:
            del self._data[:behind]
            self._gone += behind
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the place of the next read. Raises ValueError for a place before the first byte."""
        length = self._gone + len(self._data)
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: length}[whence]
        if base + offset < 0:
            raise ValueError("a place before the first byte")
        self._at = base + offset
        return self._at


class FileBytes(io.BufferedReader):
    """A file of ``data`` that copies nothing; ``io.BytesIO`` copies everything but ``bytes``."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._bytes = _Bytes(data)
        super().__init__(self._bytes)

    def use_up(self) -> None:
        """Remove from ``data`` what has been read, because the reader only goes forwards from here on.

        This concerns a large ``bytearray``; anything else stays whole. Reading removed bytes raises OSError.
        """
        self._bytes.use_up()
