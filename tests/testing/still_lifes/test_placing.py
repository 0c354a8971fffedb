from __future__ import annotations

import numpy as np
import pytest

from testing.still_lifes.canvas import covered
from testing.still_lifes.noise import mottle, patches
from testing.still_lifes.outlines import REPORTED, TUNED, Outline, ellipse
from testing.still_lifes.placing import center, clutter_centers, touching_centers

SIZE = (200, 150)


@pytest.mark.parametrize("make", [*TUNED, *REPORTED])
def test_an_outline_is_centred_and_as_long_as_asked_for(make: Outline) -> None:
    for seed in range(5):
        outline = make(np.random.default_rng(seed))
        low, high = outline.min(axis=0), outline.max(axis=0)
        assert (high - low).max() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(low, -high, atol=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_a_place_is_inside_or_across_the_edge(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = ellipse(rng) * 60
    whole = np.count_nonzero(covered(shape + 100, 200, 200) > 0.5)
    inside, beyond = (
        np.count_nonzero(covered(shape + center(rng, shape, SIZE, beyond=on), *SIZE) > 0.5)
        for on in (False, True)
    )
    assert inside == pytest.approx(whole, rel=0.02)
    assert 0.2 * whole < beyond < 0.8 * whole


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_touch_and_hardly_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outline = ellipse(rng) * 40 + np.array([100, 75], np.float32)
    target = covered(outline, *SIZE) > 0.5
    pushed = touching_centers(rng, [ellipse(rng) * 35 for _ in range(3)], outline, SIZE)
    assert len(pushed) == 3
    for other in pushed:
        overlap = np.count_nonzero((covered(other, *SIZE) > 0.5) & target)
        assert 0 < overlap < 0.15 * np.count_nonzero(target)


def test_clutter_keeps_away() -> None:
    rng = np.random.default_rng(3)
    meant = covered(ellipse(rng) * 60 + np.array([60, 75], np.float32), *SIZE) > 0.5
    found = clutter_centers(rng, [ellipse(rng) * 20 for _ in range(4)], meant)
    masks = [covered(shape + at, *SIZE) > 0.5 for shape, at in found]
    assert masks
    assert np.sum([meant, *masks], axis=0).max() == 1


def test_noise_is_coarser_the_steeper_it_falls() -> None:
    def roughness(slope: float) -> float:
        field = mottle(np.random.default_rng(0), 128, 96, slope)
        assert (field.mean(), field.std()) == pytest.approx((0, 1), abs=1e-5)
        return float(np.abs(np.diff(field, axis=1)).mean())

    assert roughness(0.4) > 2 * roughness(1.4)


def test_patches_are_many_and_of_about_the_side_asked_for() -> None:
    labels = patches(np.random.default_rng(0), 120, 90, 15)
    assert len(np.unique(labels)) == pytest.approx(120 * 90 / 15**2, rel=0.1)
