from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.classical import grabcut
from segmenters.classical.grabcut import GROUND, MAYBE_GROUND, MAYBE_OBJECT, OBJECT


def _square(value: int = 200) -> NDArray[np.uint8]:
    lab = np.full((40, 40, 3), 90, np.uint8)
    lab[10:30, 10:30] = value
    return np.asarray(lab + np.random.default_rng(0).integers(0, 6, lab.shape, np.uint8), np.uint8)


def _labels() -> NDArray[np.uint8]:
    labels = np.full((40, 40), MAYBE_GROUND, np.uint8)
    labels[16:24, 16:24] = MAYBE_OBJECT
    return labels


def _bits(*rows: str) -> NDArray[np.bool_]:
    return np.array([[cell == "#" for cell in row] for row in rows])


def test_a_cut_follows_the_colours() -> None:
    mask = grabcut.cut(_square(), _labels(), 2)
    assert np.count_nonzero(mask) == 400
    assert mask[10:30, 10:30].all()


def test_a_cut_repeats_itself() -> None:
    np.testing.assert_array_equal(grabcut.cut(_square(), _labels(), 2), grabcut.cut(_square(), _labels(), 2))


def test_one_kind_of_label_alone_is_the_answer() -> None:
    for label, expected in ((OBJECT, True), (MAYBE_OBJECT, True), (GROUND, False), (MAYBE_GROUND, False)):
        mask = grabcut.cut(_square(), np.full((40, 40), label, np.uint8), 1)
        assert mask.all() if expected else not mask.any()


def test_dots_of_opposite_clicks_leave_each_other_room() -> None:
    labels = np.full((20, 20), MAYBE_GROUND, np.uint8)
    grabcut.mark_clicks(labels, [(5, 10)], [(8, 10)], 6)
    assert labels[10, 5] == OBJECT
    assert labels[10, 8] == GROUND
    assert np.count_nonzero(labels != MAYBE_GROUND) < 12


def test_only_clicked_parts_stay() -> None:
    mask = _bits("##...", "##...", "...##")
    np.testing.assert_array_equal(grabcut.tidy(mask, [(4, 2)], []), _bits(".....", ".....", "...##"))
    np.testing.assert_array_equal(grabcut.tidy(mask, [], []), mask)


def test_specks_go_when_nothing_was_clicked() -> None:
    mask = np.zeros((20, 20), np.bool_)
    mask[2:12, 2:12] = True
    mask[18, 18] = True
    assert np.count_nonzero(grabcut.tidy(mask, [], [])) == 100


def test_pinholes_are_filled_unless_meant() -> None:
    mask = np.zeros((30, 30), np.bool_)
    mask[5:25, 5:25] = True
    mask[10, 10] = mask[15, 15] = False
    filled = grabcut.tidy(mask, [(6, 6)], [(15, 15)])
    assert filled[10, 10]
    assert not filled[15, 15]


def test_a_wide_hole_stays() -> None:
    mask = np.zeros((30, 30), np.bool_)
    mask[5:25, 5:25] = True
    mask[10:16, 10:16] = False
    assert not grabcut.tidy(mask, [(6, 6)], [])[12, 12]


def test_only_flat_pictures_get_grain_and_it_is_the_least_and_the_same_every_time() -> None:
    textured = np.random.default_rng(1).integers(0, 255, (30, 40, 3), np.uint8)
    np.testing.assert_array_equal(grabcut._grained(textured), textured)
    flat = np.full((30, 40, 3), 200, np.uint8)
    grained = grabcut._grained(flat)
    np.testing.assert_array_equal(grained, grabcut._grained(flat))
    assert set(np.unique(grained)) == {199, 200, 201}
