from __future__ import annotations

import numpy as np
import pytest

from segmenters.automatic.small_regions import Mask, without_small_regions


def drawn(*rows: str) -> Mask:
    return np.array([[each == "#" for each in row] for row in rows])


def test_a_small_hole_is_filled_and_a_small_part_removed() -> None:
    mask = drawn("####....", "#.##....", "####..#.", "####....", "........")
    expected = drawn("####....", "####....", "####....", "####....", "........")
    np.testing.assert_array_equal(without_small_regions(mask, 3), expected)


def test_what_is_as_large_as_the_bound_stays() -> None:
    mask = drawn("#####...", "#..##.#.", "#####.#.", "........")
    assert without_small_regions(mask, 2) is mask


def test_corners_connect() -> None:
    mask = drawn("#.......", ".#......", "..#.....")
    assert without_small_regions(mask, 3) is mask


def test_of_small_parts_the_largest_stays() -> None:
    mask = drawn("#.......", "........", "..##....", "........")
    expected = drawn("........", "........", "..##....", "........")
    np.testing.assert_array_equal(without_small_regions(mask, 10), expected)


@pytest.mark.parametrize("area", [2, 6])
def test_a_corner_of_the_picture_is_a_hole_too(area: int) -> None:
    mask = np.ones((20, 20), np.bool_)
    mask[0, :3] = False
    assert bool(without_small_regions(mask, area)[0, 0]) == (area > 3)
