from __future__ import annotations

import numpy as np
import pytest

from exports.rings import clipped, joined, signed_area
from testing.data_sets import filled

SQUARE = np.array([(10.0, 10.0), (30.0, 10.0), (30.0, 30.0), (10.0, 30.0)])


def test_a_ring_inside_stays_as_it_is() -> None:
    assert clipped(SQUARE, 40, 40) is SQUARE


@pytest.mark.parametrize("shift", [(-20, 0), (0, -20), (25, 0), (0, 25), (-15, -15), (22, 22), (-15, 21)])
def test_what_is_outside_is_cut_off(shift: tuple[int, int]) -> None:
    moved = SQUARE + shift
    inside = clipped(moved, 40, 40)
    assert inside.min() >= 0
    assert inside.max() <= 40
    whole = filled([moved + 100], 240, 240)[100:140, 100:140]
    assert (filled([inside], 40, 40) == whole).all()


def test_nothing_is_left_of_what_is_elsewhere() -> None:
    assert clipped(SQUARE + 1000, 40, 40).shape == (0, 2)


def test_a_ring_around_the_picture_is_the_picture() -> None:
    assert abs(signed_area(clipped((SQUARE - 20) * 100, 40, 30))) == 40 * 30


def test_rings_that_are_joined_are_filled_as_they_were() -> None:
    rings = [SQUARE + shift for shift in ((0, 0), (60, 5), (25, 50), (-8, 70))]
    whole = joined(rings)
    apart = filled(rings, 120, 120)
    assert (filled([whole], 120, 120) == apart).all()
    assert abs(signed_area(whole)) == 4 * 400
    assert joined(rings[:1]) is rings[0]
