from __future__ import annotations

import numpy as np

from exports.middles import deepest


def test_the_deepest_point_is_the_middle_of_the_thickest_part() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[5:16, 10:21] = True
    mask[9:12, 20:55] = True  # a handle, with more pixels and less depth
    assert deepest(mask) == (6, (15, 10))


def test_the_pictures_edge_is_a_border() -> None:
    depth, (x, y) = deepest(np.ones((9, 9), np.bool_))
    assert (depth, x, y) == (5, 4, 4)


def test_of_nothing_the_depth_is_0() -> None:
    assert deepest(np.zeros((4, 4), np.bool_))[0] == 0
