"""Two styles: pictures to tune a segmenter on, and pictures that only report how good it became.

They share no seed, picture size, outline, pattern or ground, so that what was tuned on one kind of drawing is
judged by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from testing.still_lifes import grounds, outlines, patterns
from testing.still_lifes.canvas import Mask
from testing.still_lifes.grounds import Busy, Plain
from testing.still_lifes.noise import Field, Rng
from testing.still_lifes.outlines import Outline
from testing.still_lifes.patterns import Pattern

Division = Callable[[Rng, Field, Field], Mask]
"""Which places of a thing have its second colour; places in units of the thing's half side."""


@dataclass(frozen=True, slots=True)
class Style:
    """``sizes``: (width, height) of pictures. ``bumps``: whether things have dents of their own."""

    seed: int
    sizes: tuple[tuple[int, int], ...]
    outlines: tuple[Outline, ...]
    patterns: tuple[Pattern, ...]
    plain: tuple[Plain, ...]
    busy: tuple[Busy, ...]
    divide: Division
    bumps: bool


def halves(rng: Rng, x: Field, y: Field) -> Mask:
    """On one side of a straight line near the middle."""
    angle, off = rng.uniform(0, 2 * np.pi), rng.uniform(-0.25, 0.25)
    return np.asarray(x * np.cos(angle) + y * np.sin(angle) > off)


def label(rng: Rng, x: Field, y: Field) -> Mask:
    """A band around the thing, as of a bottle, with bent borders."""
    angle, off, half = rng.uniform(0, 2 * np.pi), rng.uniform(-0.2, 0.2), rng.uniform(0.22, 0.34)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray(np.abs(along - off + 0.2 * across**2) < half)


STYLES: dict[str, Style] = {
    "tuned": Style(
        1,
        ((640, 480), (800, 600), (480, 640), (1024, 768), (600, 600), (1200, 800)),
        outlines.TUNED,
        patterns.TUNED,
        grounds.PLAIN_TUNED,
        grounds.BUSY_TUNED,
        halves,
        bumps=False,
    ),
    "reported": Style(
        2,
        ((720, 540), (900, 600), (540, 720), (1024, 683), (512, 512), (1280, 960)),
        outlines.REPORTED,
        patterns.REPORTED,
        grounds.PLAIN_REPORTED,
        grounds.BUSY_REPORTED,
        label,
        bumps=True,
    ),
}

SETS = tuple(STYLES)
