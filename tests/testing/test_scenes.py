from __future__ import annotations

import numpy as np
import pytest

from testing.scenes import scene


def test_a_scene_is_a_function_of_seed_and_size() -> None:
    first, again, other = scene(5, 160, 120), scene(5, 160, 120), scene(6, 160, 120)
    np.testing.assert_array_equal(first.rgb, again.rgb)
    assert not np.array_equal(first.rgb, other.rgb)


@pytest.mark.parametrize("seed", range(20))
def test_a_scene_has_two_or_three_separate_things_inside_the_picture(seed: int) -> None:
    rgb, masks = scene(seed, 240, 160)
    assert rgb.shape == (160, 240, 3)
    assert rgb.dtype == np.uint8
    assert 2 <= len(masks) <= 3
    assert np.sum(masks, axis=0).max() == 1
    for mask in masks:
        assert 0.005 < mask.mean() < 0.4
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert not edge.any()


def test_a_scene_needs_room() -> None:
    with pytest.raises(ValueError, match="at least 64 x 64"):
        scene(0, 63, 200)
