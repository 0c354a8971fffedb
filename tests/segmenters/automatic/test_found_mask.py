from __future__ import annotations

import numpy as np
import pytest

from segmenters.automatic.found_mask import FoundMask, Mask


def blob(width: int, height: int) -> Mask:
    rows, columns = np.mgrid[:height, :width]
    away = np.hypot(columns - 0.4 * width, rows - 0.7 * height)
    return np.asarray(away < 0.3 * min(width, height), np.bool_)


@pytest.mark.parametrize(("width", "height"), [(64, 48), (37, 101), (1, 9)])
def test_it_comes_back_as_it_was(width: int, height: int) -> None:
    mask = blob(width, height)
    mask[0, 0] = True
    found = FoundMask.of(3, 0.5, mask)
    np.testing.assert_array_equal(found.mask(width, height), mask)
    assert (found.point, found.score) == (3, 0.5)


def test_the_box_has_the_first_and_the_last_pixels() -> None:
    mask = np.zeros((10, 20), np.bool_)
    mask[2:5, 7:9] = True
    assert FoundMask.of(0, 1.0, mask).box == (7, 2, 8, 4)


@pytest.mark.slow
def test_thousands_of_them_are_small() -> None:
    assert FoundMask.of(0, 1.0, blob(4000, 3000)).nbytes < 40_000
