"""Images cut short, and sizes that are only claimed. All files are made here, when they are asked for."""

from __future__ import annotations

import struct
from functools import partial

from testing import crafted_files
from testing.crafted_files import chunk, segment
from testing.image_files import encoded, quarters
from tests.imaging.hostile.file import BROKEN, LARGE, NEVER, READS, File, saved


def _cut(kind: str, at: int) -> bytes:
    whole = encoded(quarters(200, 100), kind)
    return whole[:at] if at >= 0 else whole[: len(whole) + at]


def _webp_canvas(width: int, height: int) -> bytes:
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    inner = b"WEBPVP8X" + struct.pack("<II", 10, 0x02) + size + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


CUT = [
    *[File(f"a PNG cut at {at}", partial(_cut, "PNG", at)) for at in (1, 7, 8, 20, 33, 40, 60, -13, -4, -1)],
    *[File(f"a JPEG cut at {at}", partial(_cut, "JPEG", at)) for at in (2, 3, 20, 160, 400, 640, -900, -2)],
    *[File(f"a GIF cut at {at}", partial(_cut, "GIF", at)) for at in (6, 13, 700, -20, -1)],
    *[File(f"a WebP cut at {at}", partial(_cut, "WEBP", at)) for at in (12, 20, 40, -10)],
    *[File(f"an AVIF cut at {at}", partial(_cut, "AVIF", at)) for at in (12, 40, 100, 300, -10)],
    *[File(f"an icon cut at {at}", partial(_cut, "ICO", at)) for at in (5, 21, 30, 60, -10)],
    *[File(f"a TIFF cut at {at}", partial(_cut, "TIFF", at)) for at in (4, 8, 1000, -4)],
    *[File(f"a BMP cut at {at}", partial(_cut, "BMP", at)) for at in (2, 14, 54, -1000)],
    File("nothing", bytes, BROKEN),
    File("a single NUL", partial(bytes, 1), NEVER),
    File("a megabyte of NULs", partial(bytes, 2**20), NEVER),
]


_SCAN = segment(0xDA, b"\x01\x01\0\0\x3f\0")
_LARGEST = 2**31 - 1


def _claiming(width: int, height: int) -> bytes:
    return crafted_files.png_of(crafted_files.header(width, height), chunk(b"IDAT", crafted_files.zeros(4)))


def _bmp_claiming(width: int, height: int) -> bytes:
    about = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54) + about


def _avif_claiming(width: int, height: int) -> bytes:
    whole = saved("AVIF")
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", width, height) + whole[at + 8 :]


HEADERS = [
    File("an AVIF of 60000 x 60000", partial(_avif_claiming, 60_000, 60_000)),
    File("an AVIF of 12000 x 12000", partial(_avif_claiming, 12_000, 12_000), LARGE),
    File("an AVIF of 65536 x 1", partial(_avif_claiming, 65_536, 1)),
    File("an AVIF of 9000 x 9000 whose picture is small", partial(_avif_claiming, 9000, 9000)),
    File("an AVIF of 1 x 1 whose picture is larger", partial(_avif_claiming, 1, 1)),
    File("an AVIF of 0 x 0", partial(_avif_claiming, 0, 0)),
    # Sizes that are only claimed.
    File("a PNG of 100000 x 100000", partial(_claiming, 10**5, 10**5), LARGE),
    File("a PNG of 2147483647 x 1", partial(_claiming, _LARGEST, 1), LARGE),
    File("a PNG of 65536 x 1", partial(crafted_files.png, 65_536, 1), LARGE),
    File("a PNG of 65535 x 1", partial(crafted_files.png, 65_535, 1), READS),
    File("a PNG of 1 x 65535", partial(crafted_files.png, 1, 65_535), READS),
    File("a PNG of 1 x 1", partial(crafted_files.png, 1, 1), READS),
    File("a PNG of 0 x 0", partial(crafted_files.png, 0, 0), BROKEN),
    File("a GIF of 65535 x 65535", partial(crafted_files.gif, 65_535, 65_535, [(0, 0, 1, 1)]), LARGE),
    File("a GIF whose frame is larger", partial(crafted_files.gif, 1, 1, [(0, 0, 65_535, 65_535)]), LARGE),
    File("a GIF whose frame is outside", partial(crafted_files.gif, 1, 1, [(65_535, 65_535, 1, 1)]), LARGE),
    File(
        "a GIF whose second frame is larger",
        partial(crafted_files.gif, 1, 1, [(0, 0, 1, 1), (0, 0, 65_535, 65_535)]),
        READS,
    ),
    File("a BMP of 2147483647 x 2147483647", partial(_bmp_claiming, _LARGEST, _LARGEST), LARGE),
    File("a TIFF of 60000 x 60000", partial(crafted_files.grey_tiff, 60_000, 60_000), LARGE),
    File(
        "a TIFF of 4294967295 x 4294967295",
        lambda: crafted_files.tiff(crafted_files.page(2**32 - 1, 2**32 - 1)),
    ),
    File("a WebP of 16384 x 16384", partial(_webp_canvas, 16_384, 16_384)),
    File("a JPEG of 65535 x 65535", lambda: crafted_files.jpeg_frame(0xC0, 65_535, 65_535) + _SCAN, LARGE),
    File("a JPEG of 0 x 0", lambda: crafted_files.jpeg_frame(0xC0, 0, 0) + _SCAN),
]
