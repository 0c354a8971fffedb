"""Windows icons (ICO): which of their pictures a browser shows, and that picture as a file of its own.

Pillow decodes an icon while it opens it, whatever its size. Here the size is checked before anything is
decoded.
"""

from __future__ import annotations

import struct

from imaging.png_chunks import SIGNATURE

ICON = b"\0\0\1\0"

_HEADER = struct.Struct("<HHH")
_ENTRY = struct.Struct("<BBBBHHII")
_SIZE_AT = {
    # (length of a bitmap's header: how width and height stand behind it)
    12: struct.Struct("<HH"),
    40: struct.Struct("<ii"),
    108: struct.Struct("<ii"),
    124: struct.Struct("<ii"),
}


def largest(data: bytes | bytearray) -> bytes:
    """The largest picture of an icon, and of several the one with most colours, as a PNG or as an icon.

    It has at most 256 x 256 pixels. Like browsers, this refuses a picture whose size differs from what the
    icon says. Raises ValueError or struct.error for a damaged icon.
    """
    _, _, count = _HEADER.unpack_from(data)
    entries = [_ENTRY.unpack_from(data, _HEADER.size + number * _ENTRY.size) for number in range(count)]
    if not entries:
        raise ValueError("no picture")
    width, height, colours, _, planes, bits, length, at = max(
        entries, key=lambda entry: ((entry[0] or 256) * (entry[1] or 256), entry[5])
    )
    content = bytes(data[at : at + length])
    if _size(content) != (width or 256, height or 256):
        raise ValueError("a picture of another size")
    if content.startswith(SIGNATURE):
        return content
    start = _HEADER.size + _ENTRY.size
    entry = _ENTRY.pack(width, height, colours, 0, planes, bits, len(content), start)
    return _HEADER.pack(0, 1, 1) + entry + content


def _size(content: bytes) -> tuple[int, int]:
    """(width, height) as the picture itself says."""
    if content.startswith(SIGNATURE):
        width, height = struct.unpack_from(">II", content, 16)
        return width, height
    (header,) = struct.unpack_from("<I", content)
    if header not in _SIZE_AT:
        raise ValueError("a bitmap of an unknown kind")
    width, doubled = _SIZE_AT[header].unpack_from(content, 4)
    return width, doubled // 2  # the colours, and below them what is transparent
