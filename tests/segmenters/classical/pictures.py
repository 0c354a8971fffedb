"""A disc on a ground, as the segmenter's parts see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.classical.picture import Picture
from segmenters.classical.segmenter import Classical
from testing.pointing import shown

WIDTH, HEIGHT = 240, 180


def disc(x: float = 120, y: float = 90, radius: float = 40) -> NDArray[np.bool_]:
    """HxW bool."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.asarray(np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= radius)


def picture(*things: NDArray[np.bool_]) -> Picture:
    """Each thing in a colour of its own, on a ground with grain."""
    rgb = np.full((HEIGHT, WIDTH, 3), (60, 110, 150))
    for thing, color in zip(things, ((200, 60, 40), (220, 200, 60)), strict=False):
        rgb[thing] = color
    noisy = rgb + np.random.default_rng(1).integers(-8, 9, rgb.shape)
    segmenter = Classical()
    [embedding] = segmenter.load_encoder(1).encode([shown(segmenter, noisy.astype(np.uint8))])
    return Picture.of(embedding)
