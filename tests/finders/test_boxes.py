from __future__ import annotations

import numpy as np
import pytest

from finders.boxes import clear_of, distinct, overlaps

WHOLE = (0.0, 0.0, 1.0, 1.0)
LEFT = (0.0, 0.0, 0.5, 1.0)
RIGHT = (0.5, 0.0, 1.0, 1.0)
NONE = (0.3, 0.3, 0.3, 0.9)


def test_overlaps_are_intersections_over_unions() -> None:
    expected = [[1, 0.5, 0.5], [0.5, 1, 0], [0.5, 0, 1]]
    np.testing.assert_allclose(overlaps([WHOLE, LEFT, RIGHT], [WHOLE, LEFT, RIGHT]), expected)


def test_boxes_without_area_overlap_nothing() -> None:
    np.testing.assert_array_equal(overlaps([NONE], [WHOLE, NONE]), [[0, 0]])


def test_no_boxes_are_no_trouble() -> None:
    assert overlaps([], [WHOLE]).shape == (0, 1)
    assert clear_of([WHOLE], []).tolist() == [True]
    assert distinct([], [], []).tolist() == []


def test_of_boxes_of_one_thing_the_best_stays() -> None:
    near = (0.0, 0.0, 0.5, 0.9)
    assert distinct([near, LEFT, RIGHT], [0.5, 0.9, 0.1], [0, 0, 0]).tolist() == [1, 2]


def test_classes_do_not_suppress_each_other() -> None:
    assert distinct([LEFT, LEFT], [0.5, 0.9], [0, 1]).tolist() == [1, 0]


def test_what_goes_suppresses_nothing() -> None:
    # Each overlaps the next by 3/5: the middle one goes, and so the last one stays.
    row = [(shift, 0.0, shift + 0.4, 1.0) for shift in (0.0, 0.1, 0.2)]
    assert overlaps(row[:1], row[1:])[0] == pytest.approx([0.6, 1 / 3])
    assert distinct(row, [0.9, 0.8, 0.7], [0, 0, 0]).tolist() == [0, 2]


def test_of_equal_scores_the_first_stays() -> None:
    assert distinct([LEFT, LEFT], [0.5, 0.5], [0, 0]).tolist() == [0]


def test_what_a_region_overlaps_by_half_is_not_clear() -> None:
    wheel = (0.1, 0.6, 0.2, 0.8)
    assert clear_of([LEFT, RIGHT, wheel], [WHOLE]).tolist() == [False, False, True]
