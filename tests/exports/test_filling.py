from __future__ import annotations

import numpy as np
import pytest

from exports import filling
from exports.filling import ellipse_mask, ellipse_ring, polygon_mask
from testing.data_sets import filled
from testing.label_studio_masks import iou

CHANCE = np.random.default_rng(3)


@pytest.mark.parametrize("corners", [3, 4, 8, 40])
def test_a_star_is_filled_at_the_middles_of_its_pixels(corners: int) -> None:
    turns = np.sort(CHANCE.random(corners)) * 2 * np.pi
    reach = CHANCE.random(corners)[:, None] * 60 + 5
    ring = np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach + (50.3, 40.7)
    mask, simple = polygon_mask(ring, 100, 80)
    assert simple
    assert (mask == filled([ring], 100, 80)).all()


def test_many_crossings_are_taken_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "_CROSSINGS", 10)
    ring = ellipse_ring((50, 40), (45, 30), 20)
    assert (polygon_mask(ring, 100, 80)[0] == filled([ring], 100, 80)).all()


def test_a_bow_tie_is_filled_and_known() -> None:
    bow = np.array([(10.1, 10.2), (50.3, 50.4), (50.5, 10.6), (10.7, 50.8)])
    mask, simple = polygon_mask(bow, 60, 60)
    assert (mask == filled([bow], 60, 60)).all()
    assert not simple, "its halves run opposite ways"


def test_a_hole_that_is_tied_in_stays_one() -> None:
    outer = [(0, 0), (40, 0), (40, 40), (0, 40)]
    hole = [(10, 20), (10, 30), (30, 30), (30, 10), (10, 10), (10, 20)]
    tied = [*outer, (0, 20), *hole, (0, 20)]
    mask, simple = polygon_mask(np.array(tied, np.float64), 40, 40)
    assert simple
    assert mask.sum() == 1600 - 400


@pytest.mark.parametrize("degrees", [0, 30, -75, 400])
@pytest.mark.parametrize("centre", [(50.0, 40.0), (0.0, 0.0), (99.0, 79.5), (300.0, 300.0)])
def test_an_ellipse_is_its_ring_filled(centre: tuple[float, float], degrees: float) -> None:
    mask = ellipse_mask(centre, (40, 15), degrees, 100, 80)
    ring = ellipse_ring(centre, (40, 15), degrees)
    by_ring = filled([ring + 400], 900, 880)[400:480, 400:500]
    assert iou(mask, by_ring) >= 0.99 or not (mask.any() or by_ring.any())
