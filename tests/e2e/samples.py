"""What there is in the samples of the playground; places are fractions of the picture."""

from __future__ import annotations

from testing.label_studio_masks import Mask, deepest, loose_box
from testing.still_lifes.still_life import still_life

WIDTH, HEIGHT = 960, 640
BOTTLE, PEBBLES, PATCHES = range(3)
"""Which button of the page opens it."""


def truth(kind: str, chosen: str, number: int) -> Mask:
    return still_life(kind, chosen, number, (WIDTH, HEIGHT)).truth


def bottle() -> Mask:
    return truth("large", "reported", 5)


def middle(mask: Mask) -> tuple[float, float]:
    """A place well inside, as fractions."""
    x, y = deepest(mask)
    return (x + 0.5) / WIDTH, (y + 0.5) / HEIGHT


def corners(mask: Mask) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two corners of a box around it."""
    x0, y0, x1, y1 = loose_box(mask)
    return (x0 / WIDTH, y0 / HEIGHT), (x1 / WIDTH, y1 / HEIGHT)
