"""Resamples low-res logits to the mask at the image's natural size."""

from __future__ import annotations

import math
import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from values.masks import Frame

# Fresh memory costs a page fault per 4 kB, a third of the time at 12 megapixels, so each thread keeps one
# buffer. What is larger is made in strips: a request may say of any picture that it shows 89 megapixels.
_KEPT_PIXELS = 16_000_000
_STRIP_PIXELS = 1_000_000
_scratch = threading.local()


def to_mask(logits: NDArray[np.float32], frame: Frame, width: int, height: int) -> NDArray[np.bool_]:
    """(height, width) bool: on where the resampled logit is > 0.

    ``logits``: HxW float32. With ``frame.canvas`` the steps are Segment Anything's own: bilinear to the
    canvas, cut the content out, bilinear to the image (``Sam.postprocess_masks`` in segment-anything); a
    single step would move the border. Without a canvas the content is cut out of the logits themselves.
    """
    if frame.canvas is not None:
        canvas_height, canvas_width = frame.canvas
        logits = _bilinear(logits, canvas_width, canvas_height, None)
    rows, columns = frame.content
    content = logits[:rows, :columns]
    mask = np.zeros((height, width), np.bool_)
    left, top, across, down = cv2.boundingRect((content > 0).view(np.uint8))
    if not across:
        return mask
    of_rows, to_rows = _around(top, top + down, rows, height)
    of_columns, to_columns = _around(left, left + across, columns, width)
    part = mask[to_rows, to_columns]
    if part.size > _KEPT_PIXELS:
        _in_strips(content[of_rows, of_columns], part)
        return mask
    resampled = _bilinear(content[of_rows, of_columns], part.shape[1], part.shape[0], _buffer(*part.shape))
    # cv2.compare would be an order of magnitude slower than NumPy here.
    np.greater(resampled, 0, out=part)
    return mask


def _in_strips(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
    """``mask``: on where ``values``, bilinearly resampled to its size, are > 0.

    As OpenCV does it, across and then down, but so that few rows are there at once.
    """
    height, width = mask.shape
    wide = _bilinear(np.ascontiguousarray(values), width, len(values), None)
    places = (np.arange(height) + 0.5) * (len(values) / height) - 0.5
    above = np.floor(places).astype(np.intp)
    weight = (places - above).astype(np.float32)[:, None]
    upper, lower = (np.clip(above + step, 0, len(values) - 1) for step in (0, 1))
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, top + step)
        strip = wide[upper[rows]]
        strip *= 1 - weight[rows]
        below = wide[lower[rows]]
        below *= weight[rows]
        strip += below
        np.greater(strip, 0, out=mask[rows])


def _around(first: int, end: int, length: int, target: int) -> tuple[slice, slice]:
    """A part of an axis with first..end and the part of the ``target`` pixels that it is resampled to.

    Outside of these no pixel is on. ``length`` and ``target`` are cut where their pixels begin together, so
    that the part is resampled as the whole would be; where they never do, it is the whole.
    """
    blocks = math.gcd(length, target)
    old, new = length // blocks, target // blocks
    # The pixels next to the part's border are interpolated as those of the image's border.
    begin, stop = max(0, (first - 1) // old), min(blocks, -(-(end + 1) // old))
    return slice(begin * old, stop * old), slice(begin * new, stop * new)


def _bilinear(
    values: NDArray[np.float32], width: int, height: int, out: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    if values.shape == (height, width):
        return values
    resized = cv2.resize(values, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def _buffer(height: int, width: int) -> NDArray[np.float32]:
    pixels = height * width
    kept: NDArray[np.float32] | None = getattr(_scratch, "kept", None)
    if kept is None or kept.size < pixels:
        kept = np.empty(pixels, np.float32)
        _scratch.kept = kept
    return kept[:pixels].reshape(height, width)
