"""What things lie on: HxWx3 float32 CIELAB. Plain grounds are mottled at least; busy ones hide dull things.

Two families of each, as of outlines and patterns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from testing.still_lifes.noise import Field, Rng, mottle, patches

Plain = Callable[[Rng, Field, int, int], Field]
"""Of a colour, (3,) CIELAB, and a width and height."""

Busy = Callable[[Rng, int, int], Field]
"""Around a middling grey, for a width and height."""


def plaster(rng: Rng, color: Field, width: int, height: int) -> Field:
    """Clouds and dust."""
    return spread(color, 6 * mottle(rng, width, height, 1.2) + 2 * mottle(rng, width, height, 0.5))


def planks(rng: Rng, color: Field, width: int, height: int) -> Field:
    """A table of boards, each a little lighter or darker, with grain along them."""
    board = (np.arange(height) // max(8, round(height / rng.uniform(4, 8)))).astype(np.intp)
    tone = rng.uniform(-6, 6, int(board.max()) + 1)[board]
    grain = mottle(rng, width, height * 6, 1.0)[::6] * 3
    gap = np.where(np.diff(board, prepend=board[0]) > 0, -12.0, 0.0)
    return spread(color, tone[:, None] + grain + gap[:, None])


def sand(rng: Rng, color: Field, width: int, height: int) -> Field:
    """Grains, and ripples."""
    return spread(color, 4 * mottle(rng, width, height, 0.35) + 4 * mottle(rng, width, height, 1.4))


def foliage(rng: Rng, width: int, height: int) -> Field:
    """Patches of three colours with ragged borders, lit from nowhere in particular."""
    colors = _vivid(rng, 3)
    layers = [mottle(rng, width, height, 1.1) for _ in colors]
    return _busy(np.asarray(colors[np.argmax(layers, axis=0)]), 9 * mottle(rng, width, height, 0.8))


def pebbles(rng: Rng, width: int, height: int) -> Field:
    """Stones of many colours."""
    labels = patches(rng, width, height, max(5.0, min(width, height) * rng.uniform(0.03, 0.06)))
    stones = _vivid(rng, int(labels.max()) + 1)
    return _busy(stones[labels], 7 * mottle(rng, width, height, 0.9))


PLAIN_TUNED: tuple[Plain, ...] = (plaster,)
PLAIN_REPORTED: tuple[Plain, ...] = (planks, sand)
BUSY_TUNED: tuple[Busy, ...] = (foliage,)
BUSY_REPORTED: tuple[Busy, ...] = (pebbles,)


def spread(color: Field, lightness: NDArray[np.floating]) -> Field:
    """One colour everywhere, ``lightness`` (HxW) lighter or darker, and as much more or less yellow / 4."""
    lab = np.tile(color.astype(np.float32), (*lightness.shape, 1))
    lab[..., 0] += lightness
    lab[..., 2] += lightness / 4
    return np.asarray(lab, np.float32)


def _vivid(rng: Rng, count: int) -> Field:
    """``count`` colours around a middling grey, of all tones and lightnesses."""
    angle = rng.uniform(0, 2 * np.pi, count)
    chroma = rng.uniform(3, 42, count)
    light = rng.uniform(22, 82, count)
    return np.stack([light, chroma * np.cos(angle), chroma * np.sin(angle)], axis=1).astype(np.float32)


def _busy(lab: Field, lightness: Field) -> Field:
    found = lab.copy()
    found[..., 0] += lightness
    return found
