from __future__ import annotations

import numpy as np

from segmenters.classical.boxes import NAMES, SOURCES, boxed, measured
from testing.pointing import iou
from tests.segmenters.classical.pictures import disc, picture


def test_each_source_finds_the_disc_in_its_box() -> None:
    truth = disc()
    found = boxed(picture(truth).lab, (80, 50, 160, 130))
    there = found.view.window.view(truth.astype(np.uint8) * 255) > 127
    for source in SOURCES:
        assert max(iou(mask, there) for name, mask in found.masks if name == source) > 0.88, source


def test_nothing_is_outside_the_box() -> None:
    found = boxed(picture(disc()).lab, (100, 60, 150, 120))
    left, top, right, bottom = found.rectangle
    outside = np.ones(found.view.lab.shape[:2], np.bool_)
    outside[top:bottom, left:right] = False
    assert found.masks
    assert not any(mask[outside].any() for _, mask in found.masks)


def test_features_have_a_name_each_and_are_numbers() -> None:
    found = boxed(picture(disc()).lab, (80, 50, 160, 130))
    rows = measured(found)
    assert rows.shape == (len(found.masks), len(NAMES))
    assert len(set(NAMES)) == len(NAMES)
    assert np.isfinite(rows).all()
