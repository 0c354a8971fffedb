"""Pictures, and found boxes whose answers can be told by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from values.found import Found
from values.image import Pixels

EAST, NORTH, WEST = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)
SQUARES = [(0.1, 0.1, 0.3, 0.3), (0.4, 0.1, 0.6, 0.3), (0.1, 0.5, 0.3, 0.7)]


def found_of(
    vectors: Sequence[ArrayLike],
    boxes: Sequence[ArrayLike] = SQUARES,
    shift: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
) -> Found:
    """One box for each vector of two numbers, in falling order of objectness."""
    count = len(vectors)
    return Found(
        boxes=np.asarray(boxes[:count], np.float32).reshape(-1, 4),
        objectness=-np.arange(count, dtype=np.float32),
        vectors=np.asarray(vectors, np.float16).reshape(-1, 2),
        shift=np.broadcast_to(np.asarray(shift, np.float32), count).copy(),
        scale=np.broadcast_to(np.asarray(scale, np.float32), count).copy(),
        finder="test",
        width=640,
        height=480,
        input_width=96,
        input_height=72,
        evidence="etag",
    )


def picture(width: int, height: int, seed: int = 7) -> Pixels:
    """Coarse colours with noise, no two pictures of one size alike."""
    random = np.random.default_rng(seed)
    rgb = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    rgb[: height // 2, : width // 3] = (200, 40, 30)
    return Pixels(rgb, width, height)
