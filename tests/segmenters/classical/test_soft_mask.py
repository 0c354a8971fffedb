from __future__ import annotations

import numpy as np

from segmenters.classical.soft_mask import changed, soft_mask
from segmenters.classical.window import Window

SHAPE = (60, 80)


def test_it_is_a_slope_inside_the_window_and_ground_outside() -> None:
    window = Window(20, 10, 60, 50, 80, 80)
    mask = np.zeros((80, 80), np.bool_)
    mask[20:60, 20:60] = True
    soft = soft_mask(mask, window, SHAPE)
    assert soft.dtype == np.float32
    np.testing.assert_array_equal(soft > 0, np.pad(np.ones((20, 20), np.bool_), ((20, 20), (30, 30))))
    assert (soft[:, :20] == -1).all()
    assert np.any((soft > -0.99) & (soft < 0.99))


def test_a_change_is_made_where_it_may_be_made() -> None:
    window = Window(0, 0, 80, 60, 80, 60)
    before = soft_mask(np.zeros((60, 80), np.bool_), window, SHAPE)
    everything, left = np.ones((60, 80), np.bool_), np.zeros((60, 80), np.bool_)
    left[:, :40] = True
    soft = changed(before, everything, left, window)
    np.testing.assert_array_equal(soft > 0, left)
    assert (before == -1).all()
