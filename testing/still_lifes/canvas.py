"""A canvas: things are laid on a ground one after the other, all under the same light.

Everything is linear RGB, the share of light that comes back. Shading is Lambert's: a surface is as bright as
the cosine between its normal and the light, and a part of the light comes from everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from testing.still_lifes.noise import Field

Mask = NDArray[np.bool_]

_OVERSAMPLE = 4
_STEEPEST = 2.5  # of a surface; a sphere's border would be infinitely steep


class Relief(NamedTuple):
    """How a thing stands out.

    ``bulge``: height of its middle as a part of its half width; 0 is flat. ``bumps``: HxW height in pixels
    that comes on top, or None. ``ambient``: light from everywhere, 0..1; the less, the darker is the side
    away from the light. ``gloss``: how strong the highlight is. ``rim``: how much darker it is where it meets
    what is beside it, 0..1. ``shadow``: how far its shadow falls as a part of its half side, and how dark,
    0..1.
    """

    bulge: float = 0.5
    bumps: Field | None = None
    ambient: float = 0.5
    gloss: float = 0.0
    rim: float = 0.0
    shadow: tuple[float, float] = (0.25, 0.3)


class Canvas:
    """``light``: HxWx3 float32, what comes back from each place so far."""

    def __init__(self, ground: Field, toward: tuple[float, float, float]) -> None:
        """``ground``: HxWx3 reflectance. ``toward``: the light, x to the right, y down, z to the viewer."""
        self.light = ground.copy()
        self._toward = np.array(toward, np.float32) / np.float32(np.linalg.norm(toward))

    def lay(self, outline: Field, surface: Field, relief: Relief) -> Mask:
        """Lay a thing: its ``outline`` in pixels, its ``surface`` HxWx3 reflectance. The mask that it covers.

        A pixel belongs to the thing when more than half of it does.
        """
        height, width = self.light.shape[:2]
        half = float(np.ptp(outline, axis=0).max()) / 2
        rows, columns = _around(outline, half * (0.4 + 1.5 * relief.shadow[0]) + 4, width, height)
        corner = np.array([columns.start, rows.start], np.float32)
        cover = covered(outline - corner, columns.stop - columns.start, rows.stop - rows.start)
        light = self.light[rows, columns]
        light *= (1 - relief.shadow[1] * self._shadow(cover, half, relief.shadow[0]))[..., None]
        shade, shine = self._shading(cover > 0.5, relief, (rows, columns))
        seen = surface[rows, columns] * shade[..., None] + shine[..., None]
        light += (seen - light) * cover[..., None]
        mask = np.zeros((height, width), np.bool_)
        mask[rows, columns] = cover > 0.5
        return mask

    def _shadow(self, cover: Field, half: float, length: float) -> Field:
        """HxW, 0..1: all places between the thing and where the light would send its top."""
        height, width = cover.shape
        away = -self._toward[:2] / max(1e-6, float(np.linalg.norm(self._toward[:2]))) * length * half
        shadow = np.zeros_like(cover)
        for part in np.linspace(0, 1, 12)[1:]:
            move = np.array([[1, 0, away[0] * part], [0, 1, away[1] * part]], np.float32)
            shadow = np.maximum(shadow, cv2.warpAffine(cover, move, (width, height)))
        blurred = cv2.GaussianBlur(shadow, (0, 0), max(0.6, (0.04 + 0.06 * length) * half))
        return np.asarray(blurred, np.float32)

    def _shading(self, mask: Mask, relief: Relief, window: tuple[slice, slice]) -> tuple[Field, Field]:
        """HxW: how bright a white surface would be, and the highlight that comes on top."""
        depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        half = max(1.0, float(depth.max()))
        part = np.minimum(depth / half, 1)
        surface = relief.bulge * half * np.sqrt(np.maximum(0, 1 - (1 - part) ** 2))
        surface = cv2.GaussianBlur(surface, (0, 0), max(0.8, 0.12 * half))  # a ridge would look like a roof
        if relief.bumps is not None:
            surface = surface + relief.bumps[window]
        slopes = [np.clip(-each, -_STEEPEST, _STEEPEST) for each in np.gradient(surface)[::-1]]
        normal = np.stack([*slopes, np.ones_like(depth)], axis=2)
        normal /= np.linalg.norm(normal, axis=2, keepdims=True)
        lambert = np.maximum(0, normal @ self._toward) / self._toward[2]
        shade = relief.ambient + (1 - relief.ambient) * lambert
        shade *= 1 - relief.rim * np.exp(-depth / (0.1 * half + 0.5))
        half_way = self._toward + np.array([0, 0, 1], np.float32)
        half_way /= np.linalg.norm(half_way)
        shine = relief.gloss * np.maximum(0, normal @ half_way) ** 40
        return np.asarray(shade, np.float32), np.asarray(shine, np.float32)


def covered(outline: Field, width: int, height: int) -> Field:
    """HxW float32, the part of each pixel that lies inside an outline in pixels; it may leave the picture."""
    large = np.zeros((height * _OVERSAMPLE, width * _OVERSAMPLE), np.uint8)
    cv2.fillPoly(large, [np.rint(outline * _OVERSAMPLE).astype(np.int32)], (255,))
    small = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _around(outline: Field, margin: float, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the picture with an outline and ``margin`` pixels on all sides; at least two."""
    low, high = outline.min(axis=0) - margin, outline.max(axis=0) + margin
    left, top = (int(np.clip(each, 0, side - 2)) for each, side in zip(low, (width, height), strict=True))
    right = int(np.clip(np.ceil(high[0]), left + 2, width))
    bottom = int(np.clip(np.ceil(high[1]), top + 2, height))
    return slice(top, bottom), slice(left, right)
