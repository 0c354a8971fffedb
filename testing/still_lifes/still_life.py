"""A still life: a generated picture, one thing in it that is meant, and exactly which pixels are its own.

A still life is a pure function of its kind, set, number and size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testing.still_lifes.camera import photographed
from testing.still_lifes.canvas import Canvas, Mask, covered
from testing.still_lifes.colors import color, reflectance
from testing.still_lifes.kinds import KINDS, Kind, Place, dents, plain
from testing.still_lifes.noise import Field, Rng
from testing.still_lifes.placing import center, clutter_centers, touching_centers
from testing.still_lifes.styles import STYLES, Style

EACH = 6
"""Pictures of each kind in a set, from its smallest things to its largest."""

_FITS = 0.82  # of the short side: a thing of a long picture may not be larger


class StillLife(NamedTuple):
    """``name``: such as ``shaded 3``. ``rgb``: HxWx3 uint8. ``truth``: HxW bool, the thing that is meant."""

    kind: str
    name: str
    rgb: NDArray[np.uint8]
    truth: Mask


def still_lifes(
    chosen: str, kinds: Sequence[str] = tuple(KINDS), numbers: Sequence[int] = range(EACH)
) -> Iterator[StillLife]:
    """Those of a set, kind by kind."""
    for kind in kinds:
        for number in numbers:
            yield still_life(kind, chosen, number)


def still_life(kind: str, chosen: str, number: int, size: tuple[int, int] | None = None) -> StillLife:
    """One picture; ``number``: 0 to EACH - 1, or beyond, for more of the same sizes and outlines; ``size``:
    (width, height), for another than its own."""
    style, what = STYLES[chosen], KINDS[kind]
    rng = np.random.default_rng([style.seed, list(KINDS).index(kind), number])
    rgb, truth = _composed(rng, style, what, number, size or style.sizes[number % len(style.sizes)])
    return StillLife(kind, f"{kind} {number}", rgb, truth)


def _composed(
    rng: Rng, style: Style, kind: Kind, number: int, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], Mask]:
    width, height = size
    least, most = kind.shares
    share = least * (most / least) ** (number % EACH / (EACH - 1))
    side = min(share * max(size), _FITS * min(size))
    shape = _outline(rng, style, number, side)
    at = center(rng, shape, size, beyond=kind.beyond)
    ground = color(rng)
    canvas = Canvas(reflectance(_ground(rng, style, kind, ground, size)), _light(rng, low=kind.low))
    meant = covered(shape + at, width, height) > 0.5
    place = _place(size, at, side)
    surface = reflectance(kind.surface(rng, style, ground, place))
    relief = kind.relief
    if style.bumps:
        relief = relief._replace(bumps=dents(rng, width, height, side / 2))
    others = [] if kind.beside else _clutter(rng, style, meant, size)
    for other, where in others:
        own = _place(size, where, float(np.ptp(other, axis=0).max()))
        canvas.lay(other + where, reflectance(plain(rng, style, ground, own)), kind.relief)
    neighbours = _neighbours(rng, style, shape, at, size) if kind.beside else []
    split = int(rng.integers(len(neighbours) + 1))  # some lie beneath the thing, some on it
    for outline in neighbours[:split]:
        canvas.lay(outline, surface, relief)
    truth = canvas.lay(shape + at, surface, relief)
    for outline in neighbours[split:]:
        truth = truth & ~canvas.lay(outline, surface, relief)
    return photographed(rng, canvas.light), truth


def _outline(rng: Rng, style: Style, number: int, side: float) -> Field:
    """Points about the origin, in pixels; of things of few pixels the plainest."""
    make = style.outlines[number % len(style.outlines) if side > 20 else 0]
    return np.asarray(make(rng) * side, np.float32)


def _ground(rng: Rng, style: Style, kind: Kind, ground: Field, size: tuple[int, int]) -> Field:
    if kind.busy:
        return style.busy[int(rng.integers(len(style.busy)))](rng, *size)
    return style.plain[int(rng.integers(len(style.plain)))](rng, ground, *size)


def _light(rng: Rng, *, low: bool) -> tuple[float, float, float]:
    angle = rng.uniform(0, 2 * np.pi)
    return float(np.cos(angle)), float(np.sin(angle)), float(rng.uniform(0.45, 0.75) if low else 1.8)


def _place(size: tuple[int, int], at: Field, side: float) -> Place:
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    half = side / 2
    return Place((x - at[0]) / half, (y - at[1]) / half, half)


def _clutter(rng: Rng, style: Style, meant: Mask, size: tuple[int, int]) -> list[tuple[Field, Field]]:
    """Outlines of a few other things, and where there is room for them."""
    sides = rng.uniform(0.05, 0.18, int(rng.integers(0, 4))) * max(size)
    shapes = [_outline(rng, style, int(rng.integers(EACH)), float(side)) for side in sides]
    return clutter_centers(rng, shapes, meant)


def _neighbours(rng: Rng, style: Style, shape: Field, at: Field, size: tuple[int, int]) -> list[Field]:
    """Outlines of two or three things that touch the one that is meant, each about as large."""
    side = float(np.ptp(shape, axis=0).max())
    count = int(rng.integers(2, 4))
    numbers = rng.integers(0, EACH, count)
    shapes = [_outline(rng, style, int(each), side * float(rng.uniform(0.8, 1.1))) for each in numbers]
    return touching_centers(rng, shapes, shape + at, size)
