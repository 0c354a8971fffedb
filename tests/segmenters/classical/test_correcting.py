from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.classical import hypotheses
from segmenters.classical.correcting import NAMES, Correction, chosen, corrections, measured
from testing.pointing import iou
from tests.segmenters.classical.pictures import disc, picture

LEFT, RIGHT = disc(80, radius=30), disc(160, radius=30)


def _found(before: NDArray[np.bool_], click: tuple[float, float], on: bool) -> list[Correction]:
    made = picture(LEFT, RIGHT)
    clicks = ([(80.0, 90.0), *([click] if on else [])], [] if on else [click])
    first = hypotheses.wide(made, (80.0, 90.0))
    return corrections(hypotheses.around(made, click), first, before, click, on, clicks)


def _best(found: list[Correction], truth: NDArray[np.bool_]) -> float:
    return max(iou(each.changed, each.view.window.view(truth.astype(np.uint8) * 255) > 127) for each in found)


def test_a_positive_click_adds_and_takes_nothing_away() -> None:
    found = _found(LEFT, (160.0, 90.0), on=True)
    assert _best(found, LEFT | RIGHT) > 0.93
    for each in found:
        there = each.view.window.view(LEFT.astype(np.uint8) * 255) > 127
        assert each.changed[there].all()
        np.testing.assert_array_equal(each.changed & ~there, each.part)


def test_a_negative_click_takes_away_and_adds_nothing() -> None:
    found = _found(LEFT | RIGHT, (160.0, 90.0), on=False)
    assert _best(found, LEFT) > 0.93
    for each in found:
        there = each.view.window.view((LEFT | RIGHT).astype(np.uint8) * 255) > 127
        assert not each.changed[~there].any()


@pytest.mark.parametrize("on", [True, False])
def test_earlier_clicks_stay_right(on: bool) -> None:
    before = LEFT if on else LEFT | RIGHT
    for each in _found(before, (160.0, 90.0), on):
        [(column, row), (last, below)] = each.view.window.cells([(80.0, 90.0), (160.0, 90.0)])
        assert each.changed[row, column]
        assert each.changed[below, last] == on


@pytest.mark.slow
@pytest.mark.parametrize("on", [True, False])
def test_features_have_a_name_each_and_are_numbers(on: bool) -> None:
    found = _found(LEFT if on else LEFT | RIGHT, (160.0, 90.0), on)
    rows = measured(found, (160.0, 90.0), on, (80.0, 90.0), 2)
    assert rows.shape == (len(found), len(NAMES))
    assert len(set(NAMES)) == len(NAMES)
    assert np.isfinite(rows).all()


def test_of_corrections_that_are_rated_alike_the_smallest_is_made() -> None:
    rows = np.zeros((3, len(NAMES)))
    rows[:, NAMES.index("share")] = (0.9, 0.3, 0.1)
    rated = np.array([0.5, 0.42, 0.26])
    assert [chosen(rated, rows, number) for number in (2, 3, 5, 6)] == [0, 1, 1, 2]


def test_a_late_click_changes_no_large_part_however_well_it_is_rated() -> None:
    rows = np.zeros((2, len(NAMES)))
    rows[:, NAMES.index("share")] = (0.3, 0.15)
    rated = np.array([5.0, 0.9])
    assert [chosen(rated, rows, number) for number in (5, 6, 14)] == [0, 1, 1]
    assert chosen(rated[:1], rows[:1], 6) is None


def test_a_correction_that_is_rated_no_better_than_none_is_made_at_the_second_click_alone() -> None:
    rows = np.zeros((2, len(NAMES)))
    assert [chosen(np.array([-0.2, -0.1]), rows, number) for number in (2, 3)] == [1, None]
    assert [chosen(np.array([0.12, 0.0]), rows, number) for number in (3, 4)] == [0, None]


@pytest.mark.slow
def test_a_part_is_rated_by_its_size_the_more_the_later_the_click_is() -> None:
    found = _found(LEFT, (160.0, 90.0), on=True)
    second, fourth, last, later = (
        measured(found, (160.0, 90.0), True, (80.0, 90.0), number) for number in (2, 4, 6, 9)
    )
    share, late = NAMES.index("share"), NAMES.index("late share")
    assert (second[:, share] > 0).all()
    assert (second[:, share] < 1).all()
    assert not second[:, late].any()
    np.testing.assert_allclose(fourth[:, late], fourth[:, share] / 2)
    np.testing.assert_array_equal(last[:, late], last[:, share])
    np.testing.assert_array_equal(last, later)
