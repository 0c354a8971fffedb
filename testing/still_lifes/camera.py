"""A camera: a lens that is a little soft, light that falls off, a sensor that is a little noisy, a JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from testing.still_lifes.noise import Field, Rng


def photographed(rng: Rng, light: Field) -> NDArray[np.uint8]:
    """HxWx3 uint8 sRGB of HxWx3 linear light, 0..1."""
    height, width = light.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(width, height) - 0.5
    slant = rng.uniform(-0.35, 0.35, 2)
    fall = (1 + slant[0] * x + slant[1] * y) * (1 - 0.5 * (x**2 + y**2))
    seen = cv2.GaussianBlur(light * fall[..., None].astype(np.float32), (0, 0), rng.uniform(0.5, 0.9))
    seen = np.clip(seen, 0, 1)
    encoded = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * np.power(seen, 1 / 2.4) - 0.055) * 255
    grain = rng.standard_normal(encoded.shape).astype(np.float32) * rng.uniform(1.5, 4.5)
    levels = np.asarray(np.clip(np.rint(encoded + grain), 0, 255), np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(88, 96))]
    _, file = cv2.imencode(".jpg", cv2.cvtColor(levels, cv2.COLOR_RGB2BGR), quality)
    bgr = cv2.imdecode(file, cv2.IMREAD_COLOR)
    if bgr is None:
        raise RuntimeError("OpenCV cannot read the JPEG that it wrote")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
