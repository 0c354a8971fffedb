"""Automatic mask generation: a click on every point of a grid, and of all masks those that are worth keeping.

As ``SamAutomaticMaskGenerator`` of Segment Anything does it without crops: all three masks of a click count;
what the model rates low goes, then what changes with the threshold of its logits, measured at the picture's
size, then, by boxes, what a better mask has found as well. A mask of nearly the whole picture stays.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from segmenters.automatic.filters import Filters
from segmenters.automatic.found_mask import FoundMask, Mask
from segmenters.automatic.small_regions import without_small_regions
from segmenters.automatic.suppression import suppressed
from segmenters.candidates import ranked
from segmenters.resample import to_mask
from values.masks import Frame, Masks
from values.prompt import Prompt

KEPT_BYTES = 32 * 2**20
"""Of all masks that are kept until the grid is done; one has some kilobytes. When there are more, duplicates
go early, and then what the model rates lowest, down to half of that."""

MOST = 1000
"""Masks of one picture, the best first: Label Studio's editor draws every one of them."""

DecodeAll = Callable[[Iterable[Prompt]], Iterator[Masks]]
"""The masks of prompts on the picture, in order. Some prompts may be taken ahead."""


def point_grid(side: int) -> NDArray[np.float64]:
    """(side * side, 2): (x, y) as fractions of the picture, row by row, half a step from its edges."""
    places = (np.arange(side) + 0.5) / side
    return np.stack([np.tile(places, side), np.repeat(places, side)], axis=-1)


class MaskGenerator:
    """Finds the masks of a grid on one picture, in steps between which it can be left and gone on with.

    ``points``: see ``point_grid``. ``done``: how many of these were clicked. ``masks``: what is kept, the
    best first, once all steps are done. Used by one thread at a time.
    """

    def __init__(self, width: int, height: int, side: int, filters: Filters) -> None:
        """``width``, ``height``: of the masks, in pixels. ``side``: points along each side of the picture."""
        self._width = width
        self._height = height
        self._filters = filters
        self.points = point_grid(side)
        columns, rows = np.minimum(self.points * (width, height), (width - 1, height - 1)).astype(np.intp).T
        self._pixels = rows, columns
        self._covered = np.zeros(len(self.points), np.bool_)
        self.done = 0
        self._found: list[FoundMask] = []
        self._bytes = 0
        self._cleaned: list[FoundMask] = []
        self.masks: list[FoundMask] = []

    def prompt(self, point: int) -> Prompt:
        """The click on a point, by its number."""
        return Prompt(self.points[point : point + 1], np.ones(1, np.int32))

    def steps(self, decode: DecodeAll) -> Iterator[None]:
        """All that is left to do, a click or a mask at a time. Raises what ``decode`` raises."""
        yield from self._clicked(decode)
        best = suppressed(self._found, self._filters.overlap)
        if self._filters.min_area:
            for each in best[len(self._cleaned) :]:
                self._cleaned.append(self._clean(each))
                yield
            # What had nothing small to remove goes first, as in Segment Anything.
            ranks = [float(new is old) for new, old in zip(self._cleaned, best, strict=True)]
            best = suppressed(self._cleaned, self._filters.overlap, ranks)
        self.masks = best[:MOST]

    def _clicked(self, decode: DecodeAll) -> Iterator[None]:
        asked: deque[int] = deque()

        def prompts() -> Iterator[Prompt]:
            for point in range(self.done, len(self.points)):
                if not self._covered[point]:
                    asked.append(point)
                    yield self.prompt(point)

        for masks in decode(prompts()):
            point = asked.popleft()
            self._look(point, masks)
            self.done = point + 1
            yield
        self.done = len(self.points)

    def _look(self, point: int, masks: Masks) -> None:
        """Keep what is worth it of the masks of a click."""
        for logits, score in zip(masks.logits, masks.scores.tolist(), strict=True):
            if not math.isfinite(score) or (self._filters.iou and score <= self._filters.iou):
                continue
            mask = self._mask(logits, masks.frame)
            if mask.any() and self._is_stable(logits, masks.frame):
                self._found.append(FoundMask.of(point, score, mask))
                self._bytes += self._found[-1].nbytes
        if self._filters.covers:
            mask = self._mask(ranked(masks)[0][0], masks.frame)
            if np.count_nonzero(mask) <= self._filters.covers * mask.size:
                self._covered |= mask[self._pixels]
        if self._bytes > KEPT_BYTES:
            self._prune()

    def _mask(self, logits: NDArray[np.float32], frame: Frame) -> Mask:
        return to_mask(logits, frame, self._width, self._height)

    def _is_stable(self, logits: NDArray[np.float32], frame: Frame) -> bool:
        """Whether hardly anything changes where the logits' threshold is a little higher, or lower."""
        offset, least = np.float32(self._filters.offset), self._filters.stability
        if not offset or not least:
            return True
        inner, outer = (np.count_nonzero(self._mask(logits + by, frame)) for by in (-offset, offset))
        return inner >= least * outer

    def _prune(self) -> None:
        best, self._found, self._bytes = suppressed(self._found, self._filters.overlap), [], 0
        for each in best:
            if self._bytes + each.nbytes > KEPT_BYTES // 2:
                return
            self._found.append(each)
            self._bytes += each.nbytes

    def _clean(self, found: FoundMask) -> FoundMask:
        mask = found.mask(self._width, self._height)
        cleaned = without_small_regions(mask, self._filters.min_area)
        return found if cleaned is mask else FoundMask.of(found.point, found.score, cleaned)
