from __future__ import annotations

import numpy as np

from segmenters.classical.snapping import Clicks, snapped, snapped_part
from segmenters.classical.soft_mask import changed, soft_mask
from testing.pointing import iou
from tests.segmenters.classical.pictures import disc, picture

SHAPE = (180, 240)


def test_a_border_that_is_a_little_off_moves_to_the_edge() -> None:
    truth, made = disc(), picture(disc())
    rough = disc(123, 88, 38)
    window, mask = snapped(made.lab, rough, made.pixels, ([(120.0, 90.0)], []))
    assert iou(soft_mask(mask, window, SHAPE) > 0, truth) > 0.97 > iou(rough, truth)


def test_what_is_far_from_the_border_stays() -> None:
    made = picture(disc(), disc(radius=12))
    window, mask = snapped(made.lab, disc(), made.pixels, ([], []))
    assert (soft_mask(mask, window, SHAPE) > 0)[disc(radius=14)].all()


def test_nothing_outside_the_box_is_on() -> None:
    made = picture(disc())
    window, mask = snapped(made.lab, disc(), made.pixels, ([], []), (90, 60, 150, 120))
    on = soft_mask(mask, window, SHAPE) > 0
    assert on[70:110, 95:145].all()
    assert not on[:, :89].any()
    assert not on[:58].any()


def test_only_the_part_and_its_border_change() -> None:
    left, right = disc(80, radius=30), disc(160, radius=30)
    made = picture(left, right)
    rough = disc(162, 91, 28)
    clicks: Clicks = ([(80.0, 90.0), (160.0, 90.0)], [])
    for adds, before in ((True, left), (False, left | right)):
        window, now, where = snapped_part(
            made.lab, before, rough, made.pixels, clicks if adds else ([], []), adds
        )
        soft = changed(soft_mask(before, made.pixels, SHAPE), now, where, window)
        assert iou(soft > 0, left | right if adds else left) > 0.95
        np.testing.assert_array_equal(
            (soft > 0)[:, :110], (soft_mask(before, made.pixels, SHAPE) > 0)[:, :110]
        )
