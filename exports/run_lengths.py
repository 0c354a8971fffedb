"""Masks as run lengths, the way of COCO: down each column, from the left, the lengths of what is off and on.

A mask of 12 megapixels takes some kilobytes so, and nothing of it is lost. The format and its text are those
of https://github.com/cocodataset/cocoapi (common/maskApi.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]

_COMPARED = 2**22
_LONGEST_NUMBER = 40  # bits


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
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            return cls(height, width, np.array([height * width], np.int64))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        step = max(1, _COMPARED // int(bottom - top))
        blocks = [
            _edges(mask[top:bottom, start : min(start + step, right)], height) + (start * height + top)
            for start in range(int(left), int(right), step)
        ]
        edges = np.concatenate(blocks)
        # A run that goes on in the next column ends where that begins.
        apart = np.flatnonzero(edges[1:-1:2] != edges[2::2])
        edges = np.concatenate(
            [edges[:1], np.stack([edges[1:-1:2], edges[2::2]], 1)[apart].ravel(), edges[-1:]]
        )
        last = [height * width] if edges[-1] < height * width else []
        return cls(height, width, np.diff(np.concatenate([[0], edges, last]).astype(np.int64)))

    @classmethod
    def of_counts(cls, counts: Sequence[int] | str, width: int, height: int) -> RunLengths:
        """Of counts as COCO's JSON has them: a list of numbers, or ``text``.

        Raises ValueError for what is no mask of that size.
        """
        numbers = _counts_of(counts) if isinstance(counts, str) else [*counts]
        if min(numbers, default=-1) < 0 or sum(numbers) != width * height:
            raise ValueError(f"its run lengths are not those of {width} x {height} pixels")
        return cls(height, width, np.array(numbers, np.int64))

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
        """The mask, HxW bool."""
        mask = np.zeros((self.height, self.width), np.bool_)
        left, top, right, bottom = (int(edge) for edge in self.box)
        if right > left:  # only the columns that have any of it are spread out
            counts = self.counts.copy()
            counts[0] -= left * self.height
            if counts.size % 2:
                counts[-1] -= (self.width - right) * self.height
            columns = np.repeat(np.arange(counts.size) % 2 == 1, counts).reshape(right - left, self.height)
            mask[top:bottom, left:right] = columns[:, top:bottom].T
        return mask

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


def _counts_of(text: str) -> list[int]:
    """What ``RunLengths.text`` writes."""
    counts: list[int] = []
    number = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > _LONGEST_NUMBER:
            raise ValueError("its run lengths are not COCO's")
        number |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                number -= 1 << shift
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number = shift = 0
    return counts


def _edges(part: Mask, height: int) -> NDArray[np.int64]:
    """Where runs begin and end, in turns, by columns of ``height`` pixels; each ends with its column."""
    upright = np.zeros((part.shape[1], part.shape[0] + 2), np.int8)
    upright[:, 1:-1] = part.T
    column, row = np.nonzero(upright[:, 1:] != upright[:, :-1])
    return column.astype(np.int64) * height + row
