from __future__ import annotations

import numpy as np
import pytest

from testing.still_lifes.canvas import Canvas, Relief, covered
from testing.still_lifes.noise import Field

FLAT = Relief(bulge=0, ambient=1, shadow=(0, 0))
LEFT = (-1.0, 0.0, 0.7)


def ground(value: float = 0.5) -> Field:
    return np.full((80, 100, 3), value, np.float32)


def disc(x: float, y: float, radius: float) -> Field:
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1).astype(np.float32)


def square(left: float, top: float, side: float) -> Field:
    return np.array(
        [(left, top), (left + side, top), (left + side, top + side), (left, top + side)], np.float32
    )


def test_the_truth_is_what_an_outline_holds() -> None:
    mask = Canvas(ground(), LEFT).lay(disc(50, 40, 25), ground(0.2), FLAT)
    assert np.count_nonzero(mask) == pytest.approx(np.pi * 25**2, rel=0.02)
    rows, columns = np.nonzero(mask)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((40, 50), abs=0.2)


def test_what_lies_outside_is_not_there() -> None:
    assert covered(disc(-60, 40, 20), 100, 80).max() == 0
    half = Canvas(ground(), LEFT).lay(disc(0, 40, 20), ground(0.2), FLAT)
    assert np.count_nonzero(half) == pytest.approx(np.pi * 20**2 / 2, rel=0.05)


def test_nothing_changes_but_where_the_thing_is() -> None:
    canvas = Canvas(ground(), LEFT)
    mask = canvas.lay(square(30, 20, 24), ground(0.2), FLAT)
    changed = np.abs(canvas.light - 0.5).max(axis=2) > 0.15
    np.testing.assert_array_equal(changed, mask)
    assert canvas.light[mask].mean() == pytest.approx(0.2, abs=0.01)


def test_a_ball_is_lighter_towards_the_light_and_a_flat_thing_is_not() -> None:
    sides = []
    for relief in (Relief(bulge=0.9, ambient=0.2, shadow=(0, 0)), FLAT):
        canvas = Canvas(ground(), LEFT)
        canvas.lay(disc(50, 40, 25), ground(0.4), relief)
        sides.append(canvas.light[40, 32, 0] / canvas.light[40, 68, 0])
    assert sides[0] > 2
    assert sides[1] == pytest.approx(1)


def test_a_shadow_falls_away_from_the_light() -> None:
    canvas = Canvas(ground(), LEFT)
    mask = canvas.lay(disc(40, 40, 12), ground(0.4), FLAT._replace(shadow=(1.5, 0.6)))
    assert canvas.light[40, 60, 0] < 0.3
    assert canvas.light[40, 20, 0] == pytest.approx(0.5, abs=0.02)
    assert not mask[40, 60]


def test_a_later_thing_lies_on_an_earlier_one() -> None:
    canvas = Canvas(ground(), LEFT)
    canvas.lay(square(20, 20, 30), ground(0.2), FLAT)
    canvas.lay(square(40, 20, 30), ground(0.9), FLAT)
    assert canvas.light[30, 45, 0] == pytest.approx(0.9)


def test_a_rim_is_darker_than_the_middle() -> None:
    canvas = Canvas(ground(), LEFT)
    canvas.lay(disc(50, 40, 25), ground(0.4), FLAT._replace(rim=0.5))
    assert canvas.light[40, 73, 0] < 0.8 * canvas.light[40, 50, 0]
