"""What is done to a mask before it becomes a region: a smoother border, no holes, one part; all by setting.

What was clicked stays right: a pixel that a positive click is on is not taken away, and none that a negative
click is on is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from protocol.options import RegionOptions
from values.prompt import Prompt

Mask = NDArray[np.bool_]

_PASSES = 3
"""Means over a square, one after the other: nearly a Gaussian, in a time that its width does not change."""


def postprocessed(mask: Mask, prompt: Prompt, options: RegionOptions) -> Mask:
    """The mask of a prompt as the settings ask for it; the same object where they ask for nothing.

    ``mask``: HxW bool over the whole picture, which is not written to. What has a pixel keeps one.

    Takes up to 8 bytes of memory a pixel of the box around the mask.
    """
    if not (options.mask_smoothing or options.mask_fill_holes or options.mask_largest_part):
        return mask
    width_of_mean = _odd(1.5 * options.mask_smoothing * max(mask.shape)) if options.mask_smoothing else 1
    # Around a part there is always a pixel that is off, but where the picture ends.
    frame = _around(mask, max(1, _PASSES * (width_of_mean // 2)))
    if frame is None:
        return mask
    part = mask[frame]
    clicks = _Clicks.of(prompt, mask.shape, frame)
    if width_of_mean > 1:
        part = _smoothed(part, width_of_mean, clicks)
    if options.mask_fill_holes:
        part = _filled(part, options.mask_fill_holes, clicks)
    if options.mask_largest_part:
        part = _largest(part, clicks)
    whole = np.zeros_like(mask)
    whole[frame] = part
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class _Clicks:
    """The pixels that were clicked, each as indices (rows, columns) of a part of the picture."""

    positive: tuple[NDArray[np.intp], NDArray[np.intp]]
    negative: tuple[NDArray[np.intp], NDArray[np.intp]]

    @classmethod
    def of(cls, prompt: Prompt, shape: tuple[int, ...], frame: tuple[slice, slice]) -> _Clicks:
        """Those of a prompt that are in the part ``frame`` of a picture of ``shape``, (height, width)."""
        size = np.array(shape)
        # The picture's right and lower edges belong to its last pixels.
        places = np.minimum((prompt.points[:, ::-1] * size).astype(np.intp), size - 1)
        begin, end = (np.array([getattr(side, name) for side in frame]) for name in ("start", "stop"))
        inside = ((places >= begin) & (places < end)).all(axis=1)
        positive, negative = (places[inside & (prompt.labels == label)] - begin for label in (1, 0))
        return cls((positive[:, 0], positive[:, 1]), (negative[:, 0], negative[:, 1]))


def _smoothed(mask: Mask, width: int, clicks: _Clicks) -> Mask:
    """On where most of the pixels around are, ``width`` being that of the mean."""
    levels = mask.astype(np.uint8) * 255
    for _ in range(_PASSES):
        levels = np.asarray(cv2.blur(levels, (width, width), borderType=cv2.BORDER_REPLICATE), np.uint8)
    smooth = levels > 127
    if not smooth.any():
        return mask
    if (mask[clicks.positive] & ~smooth[clicks.positive]).any():
        smooth |= _clicked(mask & ~smooth, clicks.positive)
    if (smooth[clicks.negative] & ~mask[clicks.negative]).any():
        smooth &= ~_clicked(smooth & ~mask, clicks.negative)
    return smooth if smooth.any() else mask


def _filled(mask: Mask, share: float, clicks: _Clicks) -> Mask:
    """Without its holes of at most that share of the area that it has without any."""
    height, width = mask.shape
    labels, stats = _components(~mask, 4)
    left, top, across, down, areas = stats.T
    holes = (left > 0) & (top > 0) & (left + across < width) & (top + down < height)
    holes[0] = False  # the mask itself
    holes &= areas <= share * (np.count_nonzero(mask) + areas[holes].sum())
    holes[labels[clicks.negative]] = False
    return mask ^ _drawn(labels, stats, holes)


def _largest(mask: Mask, clicks: _Clicks) -> Mask:
    """Its largest part, and those that were clicked on."""
    labels, stats = _components(mask, 8)
    dropped = np.ones(len(stats), np.bool_)
    dropped[1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])] = False
    dropped[labels[clicks.positive]] = False
    dropped[0] = False  # what is off already
    return mask ^ _drawn(labels, stats, dropped)


def _clicked(mask: Mask, places: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Mask:
    """The connected parts of a mask that have a pixel among ``places``."""
    labels, stats = _components(mask, 8)
    found = np.zeros(len(stats), np.bool_)
    found[labels[places]] = True
    found[0] = False  # places beside it
    return _drawn(labels, stats, found)


def _drawn(labels: NDArray[np.int32], stats: NDArray[np.int32], chosen: Mask) -> Mask:
    """The pixels of the components that are ``chosen`` by number."""
    mask = np.zeros(labels.shape, np.bool_)
    if chosen.any():
        left, top, across, down, _ = stats[chosen].T
        # To look up the number of each pixel takes as long as to number them.
        box = slice(top.min(), (top + down).max()), slice(left.min(), (left + across).max())
        mask[box] = chosen[labels[box]]
    return mask


def _components(mask: Mask, neighbours: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The number of each pixel's component, 0 where the mask is off; and by number a row of left, top, width,
    height and area. Pixels are connected with 4 ``neighbours``, or with 8."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=neighbours)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _around(mask: Mask, margin: int) -> tuple[slice, slice] | None:
    """The rows and columns that have a pixel, and ``margin`` more on each side, but within the picture."""
    sides = []
    for axis in (1, 0):
        on = np.flatnonzero(mask.any(axis=axis))
        if not on.size:
            return None
        length = mask.shape[1 - axis]
        sides.append(slice(max(0, int(on[0]) - margin), min(length, int(on[-1]) + 1 + margin)))
    return sides[0], sides[1]


def _odd(length: float) -> int:
    """The nearest odd number, at least 3: a mean over it does not move a mask."""
    return max(3, 2 * round((length - 1) / 2) + 1)
