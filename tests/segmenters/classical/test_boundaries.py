from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.classical.boundaries import boundary_strength

RNG = np.random.default_rng(0)


def _picture(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    lab = np.full((*light.shape, 3), 128, np.uint8)
    lab[..., 0] = np.clip(light + RNG.normal(0, 2, light.shape), 0, 255)
    return lab


def test_a_step_is_a_border_and_flat_ground_is_none() -> None:
    light = np.full((60, 80), 90.0)
    light[:, 40:] = 170
    strength = boundary_strength(_picture(light))
    assert strength.dtype == np.float32
    assert strength[:, 39:41].min() > 0.6
    assert strength[:, :30].max() < 0.2
    assert 0 <= strength.min() <= strength.max() <= 1


def test_texture_and_shading_are_weaker_than_a_border() -> None:
    texture = np.where(RNG.random((60, 80)) < 0.5, 60.0, 120.0)
    shading = np.tile(np.linspace(60, 200, 80), (60, 1))
    step = np.full((60, 80), 80.0)
    step[:, 40:] = 150
    border = np.median(boundary_strength(_picture(step))[:, 39:41])
    assert np.median(boundary_strength(_picture(texture))) < border / 2
    assert np.median(boundary_strength(_picture(shading))) < border / 2


def test_a_border_between_textures_is_found() -> None:
    noise = RNG.normal(0, 1, (60, 80))
    light = np.where(np.arange(80) < 40, 120 + 4 * noise, 120 + 40 * noise)
    strength = boundary_strength(_picture(light))
    assert strength[:, 38:43].mean() > 1.5 * strength[:, 60:75].mean()


def test_pictures_of_any_size() -> None:
    for shape in ((1, 1), (1, 40), (3, 2)):
        assert boundary_strength(np.full((*shape, 3), 90, np.uint8)).shape == shape
