"""Image files made byte by byte, because no image library would write them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import cache

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MIB = 2**20
_ADLER = 65521  # modulus of zlib's checksum


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> bytes:
    """A PNG's header; ``colour`` 0 is grey, 2 RGB, 3 palette, 6 RGBA."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


@cache
def zeros(length: int) -> bytes:
    """``length`` zeros, compressed to less than a hundredth. All blocks are the same: none is made twice."""
    block = _deflated(_MIB, zlib.Z_FULL_FLUSH)
    check = struct.pack(">I", length % _ADLER << 16 | 1)
    return b"\x78\x01" + block * (length // _MIB) + _deflated(length % _MIB, zlib.Z_FINISH) + check


def _deflated(length: int, end: int) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    return squeeze.compress(bytes(length)) + squeeze.flush(end)


def png(width: int, height: int, depth: int = 8, colour: int = 2, *extra: bytes) -> bytes:
    """A black PNG, with ``extra`` chunks in front of its pixels."""
    bits = {0: 1, 2: 3, 3: 1, 6: 4}[colour] * depth * width
    row = (bits + 7) // 8 + 1
    return png_of(header(width, height, depth, colour), *extra, chunk(b"IDAT", zeros(row * height)))


def png_of(*chunks: bytes) -> bytes:
    """A PNG of these chunks and an end."""
    return b"".join([PNG_SIGNATURE, *chunks, chunk(b"IEND", b"")])


def gif(width: int, height: int, frames: Iterable[tuple[int, int, int, int]]) -> bytes:
    """A GIF of two colours; ``frames`` are (left, top, width, height), each with one pixel of content."""
    made = [b"GIF89a", struct.pack("<HHBBB", width, height, 0x80, 0, 0), b"\0\0\0\xff\xff\xff"]
    made += [b"," + struct.pack("<HHHHB", *frame, 0) + b"\x02\x02\x44\x01\0" for frame in frames]
    return b"".join([*made, b";"])


def icon(*pictures: tuple[tuple[int, int], bytes]) -> bytes:
    """An icon of pictures, each with the width and height that the icon says."""
    start = 6 + 16 * len(pictures)
    entries, body = [], []
    for (width, height), content in pictures:
        entries.append(struct.pack("<BBBBHHII", width, height, 0, 0, 1, 32, len(content), start))
        body.append(content)
        start += len(content)
    return b"".join([struct.pack("<HHH", 0, 1, len(pictures)), *entries, *body])


def bmp_runs(width: int, height: int) -> bytes:
    """An RLE8 bitmap in runs of 255 pixels."""
    runs = b"\xff\0" * (width * height // 255 + 1) + b"\0\x01"
    about = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    palette = bytes(256 * 4)
    start = 14 + len(about) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(runs), 0, 0, start) + about + palette + runs


def segment(marker: int, content: bytes) -> bytes:
    """One segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_frame(marker: int, width: int, height: int) -> bytes:
    """The start of a grey JPEG: SOI, a table of ones and the frame's header."""
    table = segment(0xDB, b"\0" + bytes([1] * 64))
    frame = segment(marker, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0))
    return b"\xff\xd8" + table + frame


def progressive(width: int, height: int, scans: int) -> bytes:
    """A JPEG of many scans. Each scan takes a hundred bytes of the file, and makes decoders walk over all
    blocks."""
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    one_code = bytes([1] + [0] * 15)
    tables = segment(0xC4, b"\0" + one_code + b"\0") + segment(0xC4, b"\x10" + one_code + b"\xe0")
    first = segment(0xDA, b"\x01\x01\0\0\0\0") + bytes((blocks + 7) // 8)
    # The only code stands for 16384 empty blocks and takes 15 bits.
    again = segment(0xDA, b"\x01\x01\0\x01\x3f\0") + bytes((blocks // 16384 + 1) * 15 // 8 + 1)
    return jpeg_frame(0xC2, width, height) + tables + first + again * scans + b"\xff\xd9"


Value = int | tuple[int, ...] | bytes
Tags = Mapping[int, tuple[int, Value]]
_SIZES = {2: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8}


def tiff(tags: Tags, data: bytes = b"", following: int = 0, count: int = 0) -> bytes:
    """A TIFF of one directory at 8. ``tags``: number -> (type, value); the value -1 is where ``data`` is.

    ``following`` is where the next directory is said to be, ``count`` how many values the last tag claims.
    """
    outside = 8 + 2 + 12 * len(tags) + 4
    start = outside + sum(_length(kind, value) for kind, value in tags.values())
    entries, values = b"", b""
    for number, (kind, value) in sorted(tags.items()):
        content = _packed(kind, value, start)
        said = count if count and number == max(tags) else len(content) // _SIZES[kind]
        if len(content) <= 4:
            entries += struct.pack("<HHI", number, kind, said) + content.ljust(4, b"\0")
        else:
            entries += struct.pack("<HHII", number, kind, said, outside + len(values))
            values += content
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return b"II*\0" + struct.pack("<I", 8) + directory + values.ljust(start - outside, b"\0") + data


def _packed(kind: int, value: Value, start: int) -> bytes:
    if isinstance(value, bytes):
        return value
    numbers = value if isinstance(value, tuple) else (value,)
    form = {2: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q"}[kind]
    return b"".join(struct.pack(f"<{form}", start if number == -1 else number) for number in numbers)


def _length(kind: int, value: Value) -> int:
    return len(_packed(kind, value, 0))


def page(width: int, height: int, **more: tuple[int, Value]) -> Tags:
    """The tags of a grey page, uncompressed, with its pixels at 8; ``more`` are named ``t<number>``."""
    tags: dict[int, tuple[int, Value]] = {256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, 1)}
    tags |= {262: (3, 1), 273: (4, 8)}
    return tags | {int(name[1:]): value for name, value in more.items()}


def grey_tiff(width: int, height: int, bits: int = 8, kind: int = 1) -> bytes:
    """A deflated TIFF whose strips of 16 rows are all the same few bytes; ``kind`` 3 is floats."""
    strips = (height + 15) // 16
    data = zeros(16 * width * bits // 8)
    tags: dict[int, tuple[int, Value]] = {
        256: (4, width),
        257: (4, height),
        258: (3, bits),
        259: (3, 8),
        262: (3, 1),
        273: (4, (-1,) * strips),
        277: (3, 1),
        278: (4, 16),
        279: (4, (len(data),) * strips),
        339: (3, kind),
    }
    return tiff(tags, data)


def tiled_tiff(side: int, tile: int) -> bytes:
    """A small image that is said to be cut from one huge tile."""
    data = zeros(tile * tile)
    tags = page(side, side, t259=(3, 8), t322=(4, tile), t323=(4, tile), t324=(4, -1), t325=(4, len(data)))
    return tiff({number: value for number, value in tags.items() if number != 273}, data)
