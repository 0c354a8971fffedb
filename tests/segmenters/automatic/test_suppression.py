from __future__ import annotations

import numpy as np

from segmenters.automatic.found_mask import FoundMask
from segmenters.automatic.suppression import suppressed


def found(left: int, right: int, score: float) -> FoundMask:
    """A bar between two columns, all as high as each other."""
    mask = np.zeros((11, 200), np.bool_)
    mask[:, left : right + 1] = True
    return FoundMask.of(left, score, mask)


def test_of_two_that_overlap_the_better_is_kept() -> None:
    worse, better, other = found(0, 100, 0.7), found(10, 100, 0.8), found(120, 180, 0.5)
    assert suppressed([worse, better, other], 0.7) == [better, other]


def test_the_overlap_is_that_of_boxes_without_their_last_pixel() -> None:
    # 70 of 100 columns are common: exactly the bound, which is allowed.
    both = [found(0, 100, 0.9), found(0, 70, 0.8)]
    assert suppressed(both, 0.7) == both
    assert suppressed(both, 0.69) == both[:1]


def test_one_that_is_left_out_leaves_nobody_out() -> None:
    first, second, third = found(0, 100, 0.9), found(20, 120, 0.8), found(40, 140, 0.7)
    assert suppressed([third, second, first], 0.6) == [first, third]


def test_equals_keep_their_order_and_ranks_go_before_scores() -> None:
    some = [found(0, 20, 0.5), found(50, 70, 0.5), found(100, 120, 0.9)]
    assert suppressed(some[:2], 0.7) == some[:2]
    assert suppressed(some, 0.7, [1.0, 0.0, 0.0]) == some


def test_nothing_is_left_of_nothing() -> None:
    assert suppressed([], 0.7) == []


def test_lines_of_one_pixel_are_not_taken_for_each_other() -> None:
    lines = [found(3, 3, 0.9), found(50, 50, 0.8)]
    assert suppressed(lines, 0.7) == lines
