"""From low-res logits to the mask at the image's natural size."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from numpy.typing import NDArray

from values.masks import Frame

# Fresh memory costs a page fault per 4 kB, a third of the time at 12 megapixels, so each thread keeps one
# buffer. Images above the limit go without, or a few threads would hold gigabytes for one odd panorama.
_KEPT_PIXELS = 16_000_000
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
    # cv2.compare would be an order of magnitude slower than NumPy here.
    return np.asarray(_bilinear(content, width, height, _buffer(height, width)) > 0)


def _bilinear(
    values: NDArray[np.float32], width: int, height: int, out: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    if values.shape == (height, width):
        return values
    resized = cv2.resize(values, (width, height), dst=out, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def _buffer(height: int, width: int) -> NDArray[np.float32] | None:
    pixels = height * width
    if pixels > _KEPT_PIXELS:
        return None
    kept: NDArray[np.float32] | None = getattr(_scratch, "kept", None)
    if kept is None or kept.size < pixels:
        kept = np.empty(pixels, np.float32)
        _scratch.kept = kept
    return kept[:pixels].reshape(height, width)
