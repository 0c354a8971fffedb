"""PNGs with damaged chunks beside their pixels: browsers ignore such chunks, Pillow refuses the file."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_SHOWN = frozenset({b"tRNS", b"eXIf"})
"""Ancillary chunks that change what is shown. Others (profiles, texts, animation) are not used here."""

_BESIDE = 12  # bytes of a chunk that are not its content: length, name and checksum


def without_ancillary(data: bytes | bytearray) -> bytes | None:
    """The PNG with only the chunks that are needed to show it, or None where nothing can be left out.

    Chunks that every decoder must understand stay as they are, damaged or not. Takes time linear in the
    file's length, and memory for one copy of it.
    """
    kept: list[bytes | memoryview] = [SIGNATURE]
    at, left_out = len(SIGNATURE), False
    whole = memoryview(data)
    while at + _BESIDE <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + _BESIDE + length
        if end > len(data):
            break
        name = bytes(whole[at + 4 : at + 8])
        if _is_ancillary(name) and (name not in _SHOWN or not _is_sound(whole[at:end])):
            left_out = True
        else:
            kept.append(whole[at:end])
        at = end
        if name == b"IEND":
            break
    kept.append(whole[at:])  # a truncated chunk stays truncated
    return b"".join(kept) if left_out else None


def _is_ancillary(name: bytes) -> bool:
    return bool(name[0] & 0x20)


def _is_sound(chunk: memoryview) -> bool:
    (said,) = struct.unpack(">I", chunk[-4:])
    return bool(zlib.crc32(chunk[4:-4]) == said)
