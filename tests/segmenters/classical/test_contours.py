from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.classical.contours import ANGLES, closed_contours


def _ring(radius: float, x: float = 60, y: float = 50) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rows, columns = np.mgrid[0:100, 0:120]
    distance = np.hypot(columns - x, rows - y)
    strength = np.exp(-((distance - radius) ** 2) / 4)
    noise = np.random.default_rng(0).random((100, 120)) * 0.3
    return np.asarray(np.maximum(strength, noise), np.float32), np.asarray(distance <= radius)


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(one & other) / np.count_nonzero(one | other))


def test_a_ring_is_followed_from_anywhere_inside() -> None:
    strength, truth = _ring(25)
    for x, y in ((60, 50), (70, 45), (50, 60)):
        assert max(_iou(found, truth) for found in closed_contours(strength, x, y, [12, 25])) > 0.75


def test_of_two_rings_the_preferred_radius_decides() -> None:
    small, inner = _ring(10)
    large, outer = _ring(35)
    found = closed_contours(np.maximum(small, large), 60, 50, [10, 35])
    assert _iou(found[0], inner) > 0.85
    assert _iou(found[1], outer) > 0.88


def test_a_preference_for_each_direction() -> None:
    strength = np.zeros((100, 120), np.float32)
    turns = np.arange(ANGLES) * 2 * np.pi / ANGLES
    [found] = closed_contours(strength, 60, 50, [np.where(np.cos(turns) > 0, 30.0, 15.0)])
    assert found[50, 80]
    assert not found[50, 35]


def test_a_thing_that_the_picture_cuts_off() -> None:
    strength, truth = _ring(30, x=0)
    assert max(_iou(found, truth) for found in closed_contours(strength, 8, 50, [15, 30])) > 0.85


def test_a_picture_of_one_cell() -> None:
    [found] = closed_contours(np.zeros((1, 1), np.float32), 0, 0, [2.0])
    assert found.shape == (1, 1)
