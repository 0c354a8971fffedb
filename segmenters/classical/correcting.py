"""A further click: the part that it adds to the mask before it, or takes away.

What was right stays right: the mask changes by one part, which holds the click.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segmenters.classical.hypotheses import SOURCES, Hypothesis, compared
from segmenters.classical.rating import FEATURES, agreements, deepest, features
from segmenters.classical.snapping import Clicks
from segmenters.classical.view import Mask, View
from segmenters.classical.window import Point

FIRST_SOURCES = ("first tree", "first colors", "first contour")
TOGETHER = ("ratio", "ratio off", "meets", "met", "apart", "alone", "share", "late ratio", "late share")
NAMES = (
    *(f"whole {name}" for name in FEATURES),
    *(f"part {name}" for name in FEATURES),
    *TOGETHER,
    "life", "agreed", "agreed enough",
    *SOURCES, *FIRST_SOURCES,
)  # fmt: skip
"""Names of what ``measured`` gives, in order."""

_SEEN = 0.98  # of a mask: what a view must see of it
_SQUARE = np.ones((3, 3), np.uint8)
_APART = 60.0  # a difference of colour beyond which more tells nothing
_LATE = 6  # the click from which a further one is no later, and changes little
_SECOND = 2  # the first click that corrects
_SURE = 0.05  # of a rating: how much better one must be than a smaller one, for each click before
_MOST_LATE = 0.2  # of the mask and the part together: what a late click may change


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """``changed``: the mask before with ``part`` added or taken away; HxW bool on the grid of ``view``."""

    view: View
    part: Mask
    changed: Mask
    source: str
    life: float


def corrections(
    found: Sequence[Hypothesis],
    first: Sequence[Hypothesis],
    before: Mask,
    click: Point,
    on: bool,
    clicks: Clicks,
) -> list[Correction]:
    """What the click may add to ``before`` (HxW of the encoder's image), or take away.

    ``found``: what the click may point at, the whole picture's view first; ``first``: what the first positive
    click may have pointed at. ``clicks``: all so far, this one among them, which must stay right.
    """
    masks = _Before(before, found[0].view)
    made = []
    for each, is_first in [*((each, False) for each in found), *((each, True) for each in first)]:
        view, there, mask = masks.seen_with(each)
        if is_first and not on:  # what the first click did not mean is what this one may take away
            mask = ~mask
        part = mask & (~there if on else there)
        correction = _correction(each, view, there, part, click, on, clicks)
        if correction is not None:
            name = f"first {each.source}" if is_first else each.source
            made.append(Correction(view, *correction, name, each.life))
    return made


class _Before:
    """The mask before on the grids of several views."""

    def __init__(self, before: Mask, whole: View) -> None:
        self._mask = before
        self._count = np.count_nonzero(before)
        self._whole = whole
        self._seen: dict[int, tuple[View, Mask]] = {}

    def seen_with(self, each: Hypothesis) -> tuple[View, Mask, Mask]:
        """A view of both, the mask before, and the hypothesis' mask there."""
        view, there = self._view(each.view)
        return view, there, each.mask if view is each.view else view.window.shown(each.mask, each.view.window)

    def _view(self, view: View) -> tuple[View, Mask]:
        """The view, if it sees the mask, else the one of the whole picture."""
        if id(view) not in self._seen:
            there = view.window.seen(self._mask)
            across, down = view.window.scale
            sees = view is self._whole or np.count_nonzero(there) >= _SEEN * across * down * self._count
            self._seen[id(view)] = (view, there) if sees else self._view(self._whole)
        return self._seen[id(view)]


def _correction(
    each: Hypothesis, view: View, there: Mask, part: Mask, click: Point, on: bool, clicks: Clicks
) -> tuple[Mask, Mask] | None:
    """The part that holds the click and the changed mask, or None where another click would be wrong."""
    [(column, row)] = view.window.cells([click])
    if not part[row, column]:
        return None
    _, parts = cv2.connectedComponents(part.astype(np.uint8), connectivity=4)
    held = np.asarray(parts == parts[row, column])
    changed = there | held if on else there & ~held
    positive, negative = (view.window.cells(points) for points in clicks)
    if (
        not changed.any()
        or any(not changed[y, x] for x, y in positive)
        or any(changed[y, x] for x, y in negative)
    ):
        return None
    return held, changed


def measured(
    found: Sequence[Correction], click: Point, on: bool, first: Point | None, number: int
) -> NDArray[np.float64]:
    """NxF, see ``NAMES``: of each correction the features of the changed mask and of the part, how the two go
    together, and how many sources agree. ``first``: the first positive click, if there is one. ``number`` of
    the click, the first one has 1."""
    agreed = agreements([compared(each.view, each.part) for each in found], [each.source for each in found])
    rows = []
    for each, agreement in zip(found, agreed, strict=True):
        [cell] = each.view.window.cells([click])
        whole = features(each.view, each.changed, _middle(each, first))
        part = features(each.view, each.part, cell)
        shared = (min(each.life, 1.0), agreement / 5, min(agreement, 3.0) / 3)
        sources = [float(each.source == source) for source in (*SOURCES, *FIRST_SOURCES)]
        rows.append(np.concatenate([whole, part, _together(each, on, number), shared, sources]))
    return np.array(rows)


def chosen(rated: NDArray[np.float64], rows: NDArray[np.float64], number: int) -> int | None:
    """Which of N corrections to make at the click of this ``number``, or None: only the click's own place.

    ``rated`` has their ratings, where 0 is what None is rated, and ``rows`` their ``measured`` features. Of
    those that are rated about as high as the best one it is the smallest, which loses least where the rating
    is wrong. The later the click, the more there is to lose; but the first answer may be wrong as a whole, so
    that the second click always gets a correction. From the sixth click on no part is so large that the IoU
    could fall by more than ``_MOST_LATE``, whatever the thing is.
    """
    share = rows[:, NAMES.index("share")]
    allowed = share <= (_MOST_LATE if number >= _LATE else 1.0)
    if not allowed.any():
        return None
    least = float(rated[allowed].max()) - _SURE * (number - 1)
    if number > _SECOND and least <= 0:
        return None
    return int(np.argmin(np.where(allowed & (rated >= least), share, math.inf)))


def _middle(each: Correction, first: Point | None) -> tuple[int, int]:
    """The cell of the first click where the mask still holds it, else its deepest one."""
    cells = each.view.window.cells([first]) if first is not None else []
    for column, row in cells:
        if each.changed[row, column]:
            return column, row
    return deepest(each.changed)


def _together(each: Correction, on: bool, number: int) -> tuple[float, ...]:
    """See ``TOGETHER``: the part's size beside the rest's and how far that is from alike, the boundary
    strength where they meet and the share of the part's border that does, how far their colours are apart,
    whether they do not meet, the part's share of both, and the sizes once more where the click is a late one:
    the later it is, the smaller is what is left to change."""
    rest = each.changed & ~each.part if on else each.changed
    part, others = np.count_nonzero(each.part), np.count_nonzero(rest)
    ratio = math.log((part + 1) / (others + 1))
    meets = (cv2.dilate(rest.astype(np.uint8), _SQUARE) > 0) & each.part
    length = np.count_nonzero(meets)
    border = each.part & ~(cv2.erode(each.part.astype(np.uint8), _SQUARE) > 0)
    strength = float(each.view.nearby[meets].mean()) if length else 0.5
    apart = _APART
    if others:
        colors = each.view.colors
        apart = float(np.abs(colors[each.part].mean(axis=0) - colors[rest].mean(axis=0)).sum())
    met = length / (np.count_nonzero(border) + 1)
    alone = float(length == 0)
    late, share = (min(number, _LATE) - _SECOND) / (_LATE - _SECOND), (part + 1) / (part + others + 2)
    sizes = (share, late * ratio / 3, late * share)
    return ratio / 3, abs(ratio) / 3, strength, met, min(apart, _APART) / _APART, alone, *sizes
