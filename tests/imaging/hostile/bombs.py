"""Small files that take much memory or time, within the limits or at least said to be."""

from __future__ import annotations

import struct
from functools import cache, partial

from PIL import Image

from testing import crafted_files
from testing.crafted_files import chunk, segment
from testing.image_files import encoded
from tests.imaging.hostile.file import BROKEN, READS, SLOW, File, jpeg_with

SIDE = 9430
"""Just under the limit of 89 megapixels."""

_GIB = 2**30


def _frames(kind: str, count: int) -> bytes:
    frames = [Image.new("L", (4, 4), number % 256) for number in range(count)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def _moving_png(frames: int, said: int) -> bytes:
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 100, 0, 0))
    return crafted_files.png(8, 8, 8, 2, chunk(b"acTL", struct.pack(">II", said, 0)), *[control] * frames)


def _webp() -> bytes:
    return encoded(Image.new("RGB", (SIDE, SIDE)), "WEBP", lossless=True, quality=0, method=0)


@cache
def _avif() -> bytes:
    image = Image.new("RGB", (SIDE, SIDE))
    return encoded(image, "AVIF", quality=10, speed=10, subsampling="4:2:0")


def _icon_of_png() -> bytes:
    return crafted_files.icon(((0, 0), crafted_files.png(SIDE, SIDE, 16, 6)))


def _icon_of_bitmap() -> bytes:
    about = struct.pack("<IiiHHIIiiII", 40, SIDE, 2 * SIDE, 1, 32, 0, 0, 0, 0, 0, 0)
    return crafted_files.icon(((0, 0), about))


def _with(*extra: bytes) -> bytes:
    return crafted_files.png(1, 1, 8, 2, *extra)


def _text(kind: bytes, start: bytes, length: int, count: int = 1) -> bytes:
    return _with(chunk(kind, start + crafted_files.zeros(length)) * count)


def _damaged(length: int, count: int) -> bytes:
    whole = chunk(b"zTXt", b"a\0\0" + crafted_files.zeros(length))
    return _with((whole[:-1] + bytes([whole[-1] ^ 1])) * count)


def _too_many_pixels() -> bytes:
    return crafted_files.png_of(crafted_files.header(1, 1), chunk(b"IDAT", crafted_files.zeros(_GIB)))


BOMBS = [
    File("black PNG of 89 megapixels in 1 bit", partial(crafted_files.png, SIDE, SIDE, 1, 0)),
    File("black PNG of 89 megapixels in 64 bits", partial(crafted_files.png, SIDE, SIDE, 16, 6)),
    File("TIFF of 89 megapixels in floats", partial(crafted_files.grey_tiff, SIDE, SIDE, 32, 3)),
    File("TIFF of 89 megapixels in 16 bits", partial(crafted_files.grey_tiff, SIDE, SIDE, 16, 1)),
    File("TIFF of one pixel in a tile of 900 megabytes", partial(crafted_files.tiled_tiff, 1, 30_000)),
    File("BMP of 89 megapixels in runs", partial(crafted_files.bmp_runs, SIDE, SIDE)),
    File("WebP of 89 megapixels", _webp),
    File("AVIF of 89 megapixels in 2 kilobytes", _avif, SLOW, slow=True),
    File("icon of a PNG of 89 megapixels", _icon_of_png, BROKEN),
    File("icon of a bitmap of 89 megapixels", _icon_of_bitmap, BROKEN),
    File("icon of 65535 times the same", partial(crafted_files.icon, *[((40, 20), b"")] * 65_535), BROKEN),
    File("PNG with 200 texts of a megabyte and wrong checksums", lambda: _damaged(2**20 - 1, 200), READS),
    File("PNG of a million chunks with wrong checksums", lambda: _damaged(0, 10**6), READS),
    File("JPEG of 300 scans", partial(crafted_files.progressive, 8000, 8000, 300), SLOW, slow=True),
    File("PNG of a million chunks", lambda: _with(chunk(b"abCd", b"") * 10**6), SLOW, slow=True),
    File("JPEG with 8 MiB of padding", lambda: jpeg_with(b"\xff" * 2**23), SLOW, slow=True),
    File("JPEG of 20 000 comments", lambda: jpeg_with(segment(0xFE, b"x" * 50) * 20_000)),
    File("PNG with a text of 1 GiB", partial(_text, b"zTXt", b"a\0\0", _GIB)),
    File("PNG with 200 texts of a megabyte", partial(_text, b"zTXt", b"a\0\0", 2**20 - 1, 200)),
    File("PNG with a language text of 1 GiB", partial(_text, b"iTXt", b"a\0\1\0\0\0", _GIB)),
    File("PNG with a profile of 1 GiB", partial(_text, b"iCCP", b"a\0\0", _GIB)),
    File("PNG with EXIF of 32 MiB", lambda: _with(chunk(b"eXIf", b"II*\0\x08\0\0\0" + bytes(2**25)))),
    File("PNG whose pixels are 1 GiB too many", _too_many_pixels),
]

FRAMES = [
    File("a moving PNG of 5000 frames", partial(_moving_png, 5000, 5000)),
    File("a moving PNG said to have 2147483647 frames", partial(_moving_png, 1, 2**31 - 1)),
    File("a GIF of 20 000 frames", partial(crafted_files.gif, 1, 1, [(0, 0, 1, 1)] * 20_000), READS),
    File("a WebP of 300 frames", partial(_frames, "WEBP", 300), READS),
    File("a TIFF of 500 pages", partial(_frames, "TIFF", 500), READS),
    File(
        "a TIFF whose next page is itself",
        lambda: crafted_files.tiff(
            {256: (4, 1), 257: (4, 1), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 0)}, b"", 8
        ),
    ),
]
