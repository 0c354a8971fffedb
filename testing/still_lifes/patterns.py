"""Patterns on things and grounds: HxW float32, -1..1.

``x``, ``y``: HxW float32, places in units of a thing's half side, so that a pattern grows with its thing. Two
families without a pattern in common.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from testing.still_lifes.noise import Field, Rng, mottle, patches

Pattern = Callable[[Rng, Field, Field], Field]


def stripes(rng: Rng, x: Field, y: Field) -> Field:
    """Of a zebra or a shirt."""
    along = _turned(rng, x, y)[0]
    return _soft(np.sin(along * 2 * np.pi * rng.uniform(1.5, 3.5)))


def spots(rng: Rng, x: Field, y: Field) -> Field:
    """Dots in rows."""
    pitch = rng.uniform(1.0, 2.5)
    along, across = _turned(rng, x, y)
    return _soft(np.sin(along * 2 * np.pi * pitch) * np.sin(across * 2 * np.pi * pitch) - 0.25)


def blotches(rng: Rng, x: Field, y: Field) -> Field:
    """Of a cow or a leopard."""
    return _soft(mottle(rng, x.shape[1], x.shape[0], 1.6) * 1.5)


def rings(rng: Rng, x: Field, y: Field) -> Field:
    """The grain of wood."""
    along, across = _turned(rng, x, y)
    distance = np.hypot(along * 0.35 + rng.uniform(0.5, 1.5), across + rng.uniform(-0.5, 0.5))
    wobble = 0.08 * mottle(rng, x.shape[1], x.shape[0], 1.5)
    return _soft(np.sin((distance + wobble) * 2 * np.pi * rng.uniform(2.5, 5)))


def weave(rng: Rng, x: Field, y: Field) -> Field:
    """Checks of a cloth."""
    pitch = rng.uniform(1.0, 2.0)
    along, across = _turned(rng, x, y)
    one, other = (_soft(np.sin(each * 2 * np.pi * pitch)) for each in (along, across))
    return np.asarray((one + other) / 2, np.float32)


def cells(rng: Rng, x: Field, y: Field) -> Field:
    """Of a tortoise or a mosaic."""
    unit = 1 / max(1e-6, float(x[0, 1] - x[0, 0]))
    labels = patches(rng, x.shape[1], x.shape[0], max(3.0, rng.uniform(0.25, 0.5) * unit))
    return np.asarray(rng.uniform(-1, 1, int(labels.max()) + 1)[labels], np.float32)


TUNED: tuple[Pattern, ...] = (stripes, spots, blotches)
REPORTED: tuple[Pattern, ...] = (rings, weave, cells)


def _turned(rng: Rng, x: Field, y: Field) -> tuple[Field, Field]:
    angle = rng.uniform(0, np.pi)
    return (
        np.asarray(x * np.cos(angle) + y * np.sin(angle), np.float32),
        np.asarray(y * np.cos(angle) - x * np.sin(angle), np.float32),
    )


def _soft(wave: Field) -> Field:
    """Nearly two values, with borders that are no steps."""
    return np.asarray(np.tanh(4 * wave), np.float32)
