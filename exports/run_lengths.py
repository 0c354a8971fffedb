"""Masks as run lengths, the way of COCO: down each column, from the left, the lengths of what is off and on.

A mask of 12 megapixels takes some kilobytes so, and nothing of it is lost. The format and its text are those
of https://github.com/cocodataset/cocoapi (common/maskApi.h).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]

_COMPARED = 2**22


@dataclass(frozen=True, slots=True, eq=False)
class RunLengths:
    """A mask of ``height`` x ``width``. ``counts``: 1-D int64, off first, which may be 0; their sum is the
    number of pixels."""

    height: int
    width: int
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, mask: Mask) -> RunLengths:
        """The run lengths of a mask, HxW bool with at least one pixel."""
        height, width = mask.shape
        flat = np.ravel(mask, order="F")
        starts = np.arange(0, flat.size, _COMPARED)  # compared in parts: all at once take a copy of all
        changes = [
            np.flatnonzero(part[1:] != part[:-1]) + start + 1
            for start in starts
            for part in [flat[start : start + _COMPARED + 1]]
        ]
        ends = np.concatenate([*changes, [flat.size]])
        counts = np.diff(ends, prepend=0).astype(np.int64)
        return cls(height, width, np.concatenate([[0], counts]) if flat[0] else counts)

    @property
    def area(self) -> int:
        """Pixels that are on."""
        return int(self.counts[1::2].sum())

    @property
    def box(self) -> Box:
        """(x0, y0, x1, y1) in pixels: the outer edges of the outermost pixels; all 0 for an empty mask."""
        ends = np.cumsum(self.counts)
        # Runs of no pixels, which others may write, are no part of the mask.
        on = np.flatnonzero(self.counts[1::2]) * 2 + 1
        if not on.size:
            return 0.0, 0.0, 0.0, 0.0
        first, last = ends[on - 1], ends[on] - 1
        left, right = first // self.height, last // self.height
        top, bottom = int((first % self.height).min()), int((last % self.height).max()) + 1
        if (left != right).any():  # a run that goes on in the next column touches both edges
            top, bottom = 0, self.height
        return float(left.min()), float(top), float(right.max()) + 1, float(bottom)

    def mask(self) -> Mask:
        """The mask, HxW bool, its columns one after the other in memory."""
        on = np.arange(self.counts.size) % 2 == 1
        return np.repeat(on, self.counts).reshape(self.width, self.height).T

    def text(self) -> str:
        """The counts as COCO's JSON has them: each less that two before it, in characters of six bits."""
        relative = self.counts.copy()
        relative[3:] -= self.counts[1:-2]
        text = bytearray()
        for number in relative.tolist():
            more = True
            while more:
                low = number & 31
                number >>= 5
                more = number != (-1 if low & 16 else 0)
                text.append((low | 32 if more else low) + 48)
        return text.decode("ascii")
