"""The application with a detector whose answer is known, beside others in one Ray; and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from testing.applications import Json, application
from testing.weights import colour_detector
from testing.weights.colour_detector import PATCH, Spot

COLUMNS, ROWS = 24, 16
WIDTH, HEIGHT = COLUMNS * PATCH, ROWS * PATCH
"""Of a picture with spots that nobody gave another size."""


def finding_application(
    name: str,
    model_dir: Path,
    args: Mapping[str, object] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Json:
    """As ``testing.applications.application``. ``model_dir``: an empty folder, in which the detector's files
    are from now on. ``args``: more settings."""
    colour_detector.write(model_dir)
    settings: Json = {"model": "classical", "finder": colour_detector.NAME, "model_dir": str(model_dir)}
    settings |= args or {}
    made = application(name, settings, build="testing.colour_finder:build", variables=variables)
    made["deployments"].append({"name": "Finder", "ray_actor_options": {"num_cpus": 0.02}})
    return made


def spot_mask(spot: Spot) -> NDArray[np.bool_]:
    """HxW: where a spot is in its picture."""
    _, x, y = spot
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(drawn, (x * PATCH, y * PATCH), PATCH // 2, 1, cv2.FILLED)
    return drawn > 0
