"""Icons of Windows (ICO): which of their pictures a browser shows, and that picture as a file of its own.

Pillow decodes an icon when it opens it, whatever size it turns out to have; here the size is known before.
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
    """The largest picture of an icon, of those the one with most colours: a PNG, or an icon of only this one.

    It has at most 256 x 256 pixels: like browsers, this refuses one that is not as large as the icon says.
    Raises ValueError or struct.error for what is damaged.
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
    """What the picture itself says."""
    if content.startswith(SIGNATURE):
        width, height = struct.unpack_from(">II", content, 16)
        return width, height
    (header,) = struct.unpack_from("<I", content)
    if header not in _SIZE_AT:
        raise ValueError("a bitmap of an unknown kind")
    width, doubled = _SIZE_AT[header].unpack_from(content, 4)
    return width, doubled // 2  # the colours, and below them what is transparent
