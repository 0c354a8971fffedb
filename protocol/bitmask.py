"""Masks as the PNG that Label Studio's ``<BitmaskLabels>`` takes: opaque black where on, else transparent.

A 1-bit palette PNG says that in a thirty-second of an RGBA image's bytes. Only the fixed chunks of the PNG
specification (https://www.w3.org/TR/png/) are needed, so they are written here: at 12 megapixels five times
as fast as through Pillow, which spreads each bit over a byte first.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_PALETTE_OF_BLACK = bytes(6)
_ALPHAS = b"\x00\xff"


def data_url(mask: NDArray[np.bool_]) -> str:
    """The mask, HxW bool, as a ``data:image/png;base64`` URL of its own size."""
    return "data:image/png;base64," + base64.b64encode(png(mask)).decode("ascii")


def png(mask: NDArray[np.bool_]) -> bytes:
    """The mask, HxW bool, as PNG bytes."""
    height, width = mask.shape
    rows = np.zeros((height, (width + 7) // 8 + 1), np.uint8)  # each row begins with filter type 0
    rows[:, 1:] = np.packbits(mask, axis=1)
    bit_depth, palette_color = 1, 3
    header = struct.pack(">IIBBBBB", width, height, bit_depth, palette_color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"PLTE", _PALETTE_OF_BLACK),
            (b"tRNS", _ALPHAS),
            (b"IDAT", zlib.compress(rows.tobytes(), 3)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
