from __future__ import annotations

import numpy as np

from segmenters.classical import hypotheses
from segmenters.classical.hypotheses import NAMES, SOURCES, WIDE, around, compared, measured, wide
from testing.pointing import iou
from tests.segmenters.classical.pictures import disc, picture

CLICK = (120.0, 90.0)


def test_every_source_has_a_hypothesis_that_holds_the_click() -> None:
    found = around(picture(disc()), CLICK)
    assert {each.source for each in found} == set(SOURCES)
    for each in found:
        [(column, row)] = each.view.window.cells([CLICK])
        assert each.mask[row, column], each.source


def test_most_sources_find_a_plain_thing() -> None:
    truth = disc()
    best: dict[str, float] = {}
    for each in around(picture(truth), CLICK):
        there = each.view.window.view(truth.astype(np.uint8) * 255) > 127
        best[each.source] = max(best.get(each.source, 0.0), iou(each.mask, there))
    assert sum(value > 0.9 for value in best.values()) >= 5, best


def test_features_have_a_name_each_and_are_numbers() -> None:
    found = around(picture(disc()), CLICK)
    rows = measured(found, CLICK)
    assert rows.shape == (len(found), len(NAMES))
    assert len(set(NAMES)) == len(NAMES)
    assert np.isfinite(rows).all()


def test_the_thing_is_what_most_sources_agree_on() -> None:
    truth = disc()
    found = around(picture(truth), CLICK)
    best = found[int(measured(found, CLICK)[:, NAMES.index("agreed")].argmax())]
    there = best.view.window.view(truth.astype(np.uint8) * 255) > 127
    assert iou(best.mask, there) > 0.9


def test_wide_ones_see_the_whole_picture() -> None:
    made = picture(disc())
    found = wide(made, CLICK)
    assert {each.source for each in found} == set(WIDE)
    assert all(each.view is made.whole for each in found)


def test_masks_are_compared_where_they_are_in_the_picture() -> None:
    made = picture(disc())
    near = next(each for each in around(made, (30.0, 30.0)) if each.source == "near contour")
    mask = np.ones(near.mask.shape, np.bool_)
    across, down = hypotheses._COMPARED
    window = near.view.window
    share = (window.right - window.left) * (window.bottom - window.top) / (240 * 180)
    seen = compared(near.view, mask)
    assert abs(np.count_nonzero(seen) / (across * down) - share) < 0.01
    assert seen[0, 0]
    assert not seen[-1, -1]
