from __future__ import annotations

import numpy as np
import pytest

from exports import run_lengths
from exports.run_lengths import Mask, RunLengths
from testing.data_sets import coco_mask


def masks() -> list[Mask]:
    chance = np.random.default_rng(5)
    small = [chance.random((height, width)) < share for height, width, share in [(1, 1, 1), (7, 5, 0.5)]]
    return [
        *small,
        np.zeros((4, 6), np.bool_),
        np.ones((4, 6), np.bool_),
        np.arange(24).reshape(4, 6) == 23,
        np.arange(24).reshape(4, 6) % 6 == 2,
        chance.random((120, 90)) < 0.02,
        chance.random((120, 90)) < 0.98,
    ]


@pytest.mark.parametrize("mask", masks())
def test_nothing_is_lost(mask: Mask) -> None:
    height, width = mask.shape
    runs = RunLengths.of(mask)
    assert (runs.mask() == mask).all()
    assert runs.area == mask.sum()
    assert (coco_mask({"size": [height, width], "counts": runs.text()}, width, height) == mask).all()
    if mask.any():
        rows, columns = np.nonzero(mask)
        assert runs.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    else:
        assert runs.box == (0, 0, 0, 0)


def test_large_masks_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_lengths, "_COMPARED", 7)
    for mask in masks()[:2] + masks()[3:]:
        assert (RunLengths.of(mask).mask() == mask).all()


def test_the_text_of_the_reference() -> None:
    """By pycocotools 2.0.11, of the same masks."""
    assert RunLengths.of(np.ones((4, 6), np.bool_)).text() == "0h0"
    assert RunLengths.of(np.zeros((4, 6), np.bool_)).counts.tolist() == [24]
    assert RunLengths(100, 100, np.array([1000, 40, 60, 40, 60, 8800])).text() == "Xo0X1l100ha8"


@pytest.mark.parametrize("mask", masks())
def test_counts_are_read_as_they_are_written(mask: Mask) -> None:
    height, width = mask.shape
    runs = RunLengths.of(mask)
    for counts in (runs.text(), runs.counts.tolist()):
        assert (RunLengths.of_counts(counts, width, height).mask() == mask).all()


@pytest.mark.parametrize("counts", ["", "5", "é", "~" * 30, [], [-1, 25], [24, 1]])
def test_counts_of_no_mask_are_refused(counts: str | list[int]) -> None:
    with pytest.raises(ValueError, match="run lengths"):
        RunLengths.of_counts(counts, 6, 4)
