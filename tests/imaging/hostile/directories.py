"""Metadata that leads round in circles, or nowhere."""

from __future__ import annotations

import struct
from functools import partial

from testing import crafted_files
from testing.crafted_files import segment
from tests.imaging.hostile.file import BROKEN, READS, File, jpeg_with


def _exif(content: bytes) -> bytes:
    return jpeg_with(segment(0xE1, b"Exif\0\0" + content))


def _mpo(offset: int, count: int) -> bytes:
    """A JPEG with an index of more pictures at places where there are none."""
    entries = struct.pack("<IIIHH", 0x20030000, 100, offset, 0, 0) * min(count, 1000)
    directory = struct.pack("<HHI4s", 0xB000, 7, 4, b"0100") + struct.pack("<HHII", 0xB001, 4, 1, count)
    directory += struct.pack("<HHII", 0xB002, 7, 16 * count, 8 + 2 + 36 + 4)
    index = b"II*\0" + struct.pack("<IH", 8, 3) + directory + struct.pack("<I", 0) + entries
    return jpeg_with(segment(0xE2, b"MPF\0" + index))


_MOST = 2**32 - 1


def _many_tags(count: int) -> bytes:
    return crafted_files.tiff(
        {**crafted_files.page(1, 1), **dict.fromkeys(range(1000, 1000 + count), (3, 1))}
    )


def _many_strips(count: int) -> bytes:
    strips = crafted_files.page(1, count, t273=(4, (8,) * count), t278=(4, 1), t279=(4, (1,) * count))
    return crafted_files.tiff(strips)


DIRECTORIES = [
    File(
        "EXIF that is its own sub-directory",
        lambda: _exif(crafted_files.tiff({0x8769: (4, 8), 0x8825: (4, 8)}, b"", 8)),
        READS,
    ),
    File(
        "EXIF of 2000 entries", lambda: _exif(crafted_files.tiff(dict.fromkeys(range(2000), (3, 1)))), READS
    ),
    File("EXIF with 4294967295 values", lambda: _exif(crafted_files.tiff({274: (3, 6)}, b"", 0, _MOST))),
    File("EXIF whose directory is outside", lambda: _exif(b"II*\0\xff\xff\xff\xff"), READS),
    File("EXIF with an orientation of text", lambda: _exif(crafted_files.tiff({274: (2, b"six\0")})), READS),
    File("EXIF with an orientation of 65535", lambda: _exif(crafted_files.tiff({274: (3, 65_535)})), READS),
    File(
        "a TIFF tag of 4294967295 values",
        lambda: crafted_files.tiff(crafted_files.page(1, 1, t700=(16, 0)), b"", 0, _MOST),
    ),
    File("a TIFF of 60 000 tags", partial(_many_tags, 60_000)),
    File("a TIFF with 500 000 strips of one row", partial(_many_strips, 500_000)),
    File("a TIFF with 50 000 strips of one row", partial(_many_strips, 50_000)),
    File("a TIFF without tags", lambda: crafted_files.tiff({}), BROKEN),
    File("a TIFF whose directory is itself", lambda: b"II*\0\0\0\0\0"),
    File("a BigTIFF whose directory is far away", lambda: b"II+\0\x08\0\0\0" + b"\xff" * 8, BROKEN),
    File("a multi-picture JPEG with bad offsets", partial(_mpo, _MOST, 3)),
    File("a multi-picture JPEG of 268435455 pictures", partial(_mpo, 0, 2**28 - 1)),
]
