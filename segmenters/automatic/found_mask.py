"""A mask that was found, small enough to keep thousands: packed and deflated within its box."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_FAST = 1  # of zlib's levels: masks are mostly long runs, which the first one finds


@dataclass(frozen=True, slots=True, eq=False)
class FoundMask:
    """``point``: the number of the grid's point that was clicked. ``score``: the model's estimate of the IoU.

    ``box``: the first and the last column and row with a pixel: (left, top, right, bottom).
    """

    point: int
    score: float
    box: tuple[int, int, int, int]
    _packed: bytes

    @classmethod
    def of(cls, point: int, score: float, mask: Mask) -> Self:
        """Of a mask HxW bool with at least one pixel."""
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        left, top, right, bottom = (int(at) for at in (columns[0], rows[0], columns[-1], rows[-1]))
        part = mask[top : bottom + 1, left : right + 1]
        packed = zlib.compress(np.packbits(part).tobytes(), _FAST)
        return cls(point, score, (left, top, right, bottom), packed)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return len(self._packed)

    def mask(self, width: int, height: int) -> Mask:
        """The mask, height x width bool, on a picture of the size that it was found on."""
        left, top, right, bottom = self.box
        shape = bottom + 1 - top, right + 1 - left
        bits = np.frombuffer(zlib.decompress(self._packed), np.uint8)
        whole = np.zeros((height, width), np.bool_)
        part = np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape)
        whole[top : bottom + 1, left : right + 1] = part
        return whole
