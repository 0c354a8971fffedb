"""An image file that is in memory, as the decoders read it."""

from __future__ import annotations

import io
import os
from typing import Any


class FileBytes(io.RawIOBase):
    """A file of ``data`` without a copy of it, which ``io.BytesIO`` makes of what is not ``bytes``."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = memoryview(data)
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; how many bytes there were."""
        found = self._data[self._at : self._at + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, from where the next bytes are read. Raises ValueError for one before the first."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._data)}[whence]
        if base + offset < 0:
            raise ValueError("a place before the first byte")
        self._at = base + offset
        return self._at


def opened(data: bytes | bytearray) -> io.BufferedReader:
    """A file to read them from."""
    return io.BufferedReader(FileBytes(data))
