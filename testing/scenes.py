"""Generated scenes with known objects: textured ground, a few textured things on it, and their exact masks.

A scene is a pure function of its seed and size, so that benchmarks, unit tests and browser tests use the same
objects without sharing a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_Rng = np.random.Generator
_Field = NDArray[np.float32]
_OVERSAMPLE = 4
_CLEAR = 38.0  # distance in Lab between a thing and the ground
_GAP = 0.035  # free ground around each thing, as a part of the short side


class Scene(NamedTuple):
    """One picture and the truth about it.

    ``rgb``: HxWx3 uint8, RGB, 0..255. ``masks``: two or three HxW bool, one per object; they never overlap.
    """

    rgb: NDArray[np.uint8]
    masks: list[NDArray[np.bool_]]


def scene(seed: int, width: int, height: int) -> Scene:
    """The scene of this seed at ``width`` x ``height`` pixels (at least 64 each)."""
    if min(width, height) < 64:
        raise ValueError(f"a scene needs at least 64 x 64 pixels, not {width} x {height}")
    rng = np.random.default_rng([seed, width, height])
    palette = _palette(rng, 4)
    picture = _paint(rng, palette[0], width, height)
    masks: list[NDArray[np.bool_]] = []
    taken: NDArray[np.uint8] = np.zeros((height, width), np.uint8)
    for color in palette[1 : 1 + int(rng.integers(2, 4))]:
        cover = _place(rng, taken)
        if cover is None:
            continue
        picture += (_paint(rng, color, width, height) - picture) * cover[..., None]
        masks.append(cover > 0.5)
        reach = 2 * int(_GAP * min(width, height)) + 1
        grown = cv2.dilate(masks[-1].astype(np.uint8), np.ones((reach, reach), np.uint8))
        taken = np.maximum(taken, np.asarray(grown, np.uint8))
    return Scene(_photograph(rng, picture), masks)


def _palette(rng: _Rng, count: int) -> list[_Field]:
    """Lab colours (L 0..100), each clearly apart from the first, which is the ground's."""
    colors = [_color(rng)]
    while len(colors) < count:
        color = _color(rng)
        if float(np.linalg.norm(color - colors[0])) > _CLEAR:
            colors.append(color)
    return colors


def _color(rng: _Rng) -> _Field:
    return np.array([rng.uniform(25, 80), rng.uniform(-45, 45), rng.uniform(-45, 45)], np.float32)


def _paint(rng: _Rng, color: _Field, width: int, height: int) -> _Field:
    """HxWx3 float32 Lab: a colour with texture, blotches and slanting light."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(width, height)
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))](rng, x, y)
    tint = np.array([rng.uniform(6, 13), rng.uniform(-8, 8), rng.uniform(-8, 8)], np.float32)
    light = rng.uniform(-12, 12) * (x - 0.5) + rng.uniform(-12, 12) * (y - 0.5)
    lab = color + pattern[..., None] * tint
    lab[..., 0] += light + 4 * _clouds(rng, x, y)
    return np.asarray(lab, np.float32)


def _clouds(rng: _Rng, x: _Field, y: _Field) -> _Field:
    """Noise of several scales, about -1..1."""
    height, width = x.shape
    total = np.zeros_like(x)
    for cells in (4, 12, 40):
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2
    return np.clip(total, -1.5, 1.5)


def _stripes(rng: _Rng, x: _Field, y: _Field) -> _Field:
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(25, 70)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi * pitch)
    return np.asarray(wave * 0.8, np.float32)


def _spots(rng: _Rng, x: _Field, y: _Field) -> _Field:
    pitch = rng.uniform(20, 45)
    wave = np.sin(x * 2 * np.pi * pitch) * np.sin(y * 2 * np.pi * pitch)
    return np.asarray(np.where(wave > 0.35, 1.0, -0.4), np.float32)


_PATTERNS: tuple[Callable[[_Rng, _Field, _Field], _Field], ...] = (_clouds, _stripes, _spots)


def _place(rng: _Rng, taken: NDArray[np.uint8]) -> _Field | None:
    """HxW float32 coverage 0..1 of a thing on free ground, or None where there is no room for one."""
    height, width = taken.shape
    for attempt in range(40):
        size = min(width, height) * rng.uniform(0.1, 0.3) * 0.97**attempt
        outline = _outline(rng) * size
        reach = np.abs(outline).max(axis=0) + 2
        if 2 * reach[0] >= width or 2 * reach[1] >= height:
            continue
        center = rng.uniform(reach, np.array([width, height]) - reach)
        cover = _fill(outline + center, width, height)
        if not np.any(taken[cover > 0]):
            return cover
    return None


def _outline(rng: _Rng) -> _Field:
    """Nx2 float32 closed outline of about unit radius: an ellipse, a polygon or a wavy blob, turned."""
    kind = int(rng.integers(3))
    corners = int(rng.integers(3, 7))
    turn = np.linspace(0, 2 * np.pi, corners if kind == 1 else 180, endpoint=False)
    radius = np.ones_like(turn)
    if kind == 2:
        for wave in (2, 3, 5):
            radius += rng.uniform(0.05, 0.4 / wave) * np.sin(wave * turn + rng.uniform(0, 2 * np.pi))
    points = np.stack([np.cos(turn), np.sin(turn)], axis=1) * radius[:, None]
    points[:, 1] *= rng.uniform(0.55, 1.0)
    angle = rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ rotation, np.float32)


def _fill(outline: _Field, width: int, height: int) -> _Field:
    large = np.zeros((height * _OVERSAMPLE, width * _OVERSAMPLE), np.uint8)
    cv2.fillPoly(large, [np.rint(outline * _OVERSAMPLE).astype(np.int32)], (255,))
    small = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _photograph(rng: _Rng, lab: _Field) -> NDArray[np.uint8]:
    """Lab to RGB through a slightly soft lens and a slightly noisy sensor."""
    blurred = cv2.GaussianBlur(lab, (0, 0), 0.7)
    rgb = np.asarray(cv2.cvtColor(blurred, cv2.COLOR_LAB2RGB), np.float32) * 255
    noise = rng.standard_normal(rgb.shape).astype(np.float32) * rng.uniform(2, 6)
    return np.asarray(np.clip(rgb + noise, 0, 255), np.uint8)
