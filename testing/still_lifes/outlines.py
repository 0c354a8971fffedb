"""Outlines of things: Nx2 float32, closed, about the origin, with a longest upright side of 1.

Two families without a shape in common: what is chosen on one can be judged by the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from testing.still_lifes.noise import Field, Rng

Outline = Callable[[Rng], Field]

_POINTS = 240


def ellipse(rng: Rng) -> Field:
    """A fruit, a coin, an eye."""
    turn = _turn()
    return _laid(rng, np.cos(turn), np.sin(turn) * rng.uniform(0.6, 1.0))


def polygon(rng: Rng) -> Field:
    """A stone with a few corners."""
    corners = int(rng.integers(4, 8))
    turn = np.sort((np.arange(corners) + rng.uniform(-0.25, 0.25, corners)) * 2 * np.pi / corners)
    radius = rng.uniform(0.75, 1.0, corners)
    return _laid(rng, radius * np.cos(turn), radius * np.sin(turn))


def blob(rng: Rng) -> Field:
    """Something soft."""
    turn = _turn()
    radius = np.ones_like(turn)
    for wave in (2, 3, 5):
        radius += rng.uniform(0.05, 0.4 / wave) * np.sin(wave * turn + rng.uniform(0, 2 * np.pi))
    return _laid(rng, radius * np.cos(turn), radius * np.sin(turn) * rng.uniform(0.6, 1.0))


def box(rng: Rng) -> Field:
    """A box with rounded corners: a superellipse."""
    turn = _turn()
    power = 2 / rng.uniform(3.5, 7)
    x, y = (np.sign(each) * np.abs(each) ** power for each in (np.cos(turn), np.sin(turn)))
    return _laid(rng, x, y * rng.uniform(0.45, 0.9))


def vase(rng: Rng) -> Field:
    """Something turned on a lathe: a vase, a bottle, a bulb."""
    places = np.linspace(0, 1, 6)
    half = np.array([0.25, *rng.uniform(0.16, 0.42, 4), 0.2])
    along = np.linspace(0, 1, _POINTS // 2)
    width = np.interp(along, places, half)
    kernel = np.hanning(25) / np.hanning(25).sum()
    width = np.convolve(np.pad(width, 12, mode="edge"), kernel, mode="valid")
    x = np.concatenate([width, -width[::-1]])
    y = np.concatenate([along - 0.5, along[::-1] - 0.5])
    return _laid(rng, x, y)


def leaf(rng: Rng) -> Field:
    """Two arcs that meet in points, a little bent."""
    along = np.linspace(0, 1, _POINTS // 2)
    width = rng.uniform(0.2, 0.32) * np.sin(np.pi * along) ** 0.8
    bend = rng.uniform(-0.15, 0.15) * np.sin(np.pi * along)
    x = np.concatenate([bend + width, (bend - width)[::-1]])
    y = np.concatenate([along - 0.5, along[::-1] - 0.5])
    return _laid(rng, x, y)


def star(rng: Rng) -> Field:
    """A flower or a cogwheel, with blunt teeth."""
    turn = _turn()
    radius = 1 + rng.uniform(0.1, 0.24) * np.tanh(2 * np.sin(int(rng.integers(5, 9)) * turn))
    return _laid(rng, radius * np.cos(turn), radius * np.sin(turn))


TUNED: tuple[Outline, ...] = (ellipse, polygon, blob)
REPORTED: tuple[Outline, ...] = (box, vase, leaf, star)


def _turn() -> NDArray[np.float64]:
    return np.asarray(np.linspace(0, 2 * np.pi, _POINTS, endpoint=False))


def _laid(rng: Rng, x: NDArray[np.float64], y: NDArray[np.float64]) -> Field:
    """Turned somehow, centred, and scaled."""
    angle = rng.uniform(0, 2 * np.pi)
    turned = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=1)
    low, high = turned.min(axis=0), turned.max(axis=0)
    return np.asarray((turned - (low + high) / 2) / (high - low).max(), np.float32)
