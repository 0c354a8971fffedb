"""The kinds of things, by what makes them hard to find: their surface, their relief, how large they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from testing.still_lifes.canvas import Relief
from testing.still_lifes.colors import CLEAR, color
from testing.still_lifes.grounds import spread
from testing.still_lifes.noise import Field, Rng, mottle
from testing.still_lifes.styles import Style


class Place(NamedTuple):
    """Where a thing lies: HxW places in units of its half side, and that half side in pixels."""

    x: Field
    y: Field
    half: float


_TILE = 256  # pixels
_ORDINARY = Relief()

Surface = Callable[[Rng, Style, Field, Place], Field]
"""HxWx3 CIELAB, of the ground's colour and a place."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``shares``: least and largest long side of a thing, as a part of the picture's.

    ``relief``: how it stands out. ``low``: whether the light comes from low at one side. ``busy``: whether
    the ground is. ``beside``: whether others of the same colour touch it. ``beyond``: whether it goes on
    beyond the picture's edge.
    """

    shares: tuple[float, float]
    surface: Surface
    relief: Relief = _ORDINARY
    low: bool = False
    busy: bool = False
    beside: bool = False
    beyond: bool = False


def plain(rng: Rng, style: Style, ground: Field, place: Place) -> Field:
    """One colour, hardly mottled."""
    return _mottled(rng, color(rng, ground), place)


def dull(rng: Rng, style: Style, ground: Field, place: Place) -> Field:
    """Nearly grey, as light as what is around it."""
    return _mottled(rng, np.array([rng.uniform(42, 60), *rng.uniform(-6, 6, 2)], np.float32), place)


def two_tone(rng: Rng, style: Style, ground: Field, place: Place) -> Field:
    """Two colours, both unlike the ground and unlike each other."""
    one = color(rng, ground)
    other = color(rng, ground, one)
    second = style.divide(rng, place.x, place.y)
    return np.where(second[..., None], _mottled(rng, other, place), _mottled(rng, one, place))


def textured(rng: Rng, style: Style, ground: Field, place: Place) -> Field:
    """A pattern of two colours, both unlike the ground."""
    one = color(rng, ground)
    other = color(rng, ground, one)
    nearer = one + (other - one) * rng.uniform(0.6, 1.0)
    if np.linalg.norm(nearer - ground) < CLEAR:  # half way between two colours may lie the ground's
        nearer = other
    pattern = style.patterns[int(rng.integers(len(style.patterns)))](rng, place.x, place.y)
    return np.asarray(one + (nearer - one) * ((pattern + 1) / 2)[..., None], np.float32)


def dents(rng: Rng, width: int, height: int, half: float) -> Field:
    """HxW, height in pixels of what is uneven on a thing of that half side."""
    noise = rng.standard_normal((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), max(1.0, 0.14 * half))
    return np.asarray(smooth / smooth.std() * 0.05 * half, np.float32)


def _mottled(rng: Rng, lab: Field, place: Place) -> Field:
    height, width = place.x.shape
    tile = mottle(rng, _TILE, _TILE, 0.9)  # such noise goes on from one tile to the next
    return spread(lab, 1.5 * np.tile(tile, (height // _TILE + 1, width // _TILE + 1))[:height, :width])


KINDS: dict[str, Kind] = {
    "shaded": Kind((0.08, 0.4), plain, Relief(0.95, ambient=0.18, gloss=0.25), low=True),
    "two-tone": Kind((0.08, 0.4), two_tone),
    "textured": Kind((0.08, 0.4), textured),
    "large": Kind((0.45, 0.6), plain),
    "small": Kind((0.01, 0.05), plain),
    "touching": Kind((0.05, 0.25), plain, Relief(0.8, ambient=0.4, rim=0.55), beside=True),
    "cut": Kind((0.15, 0.5), plain, beyond=True),
    "dull on busy": Kind((0.08, 0.4), dull, busy=True),
    "with shadow": Kind((0.08, 0.35), plain, Relief(0.4, shadow=(1.3, 0.65)), low=True),
}
