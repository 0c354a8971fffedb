from __future__ import annotations

import numpy as np
import pytest

from segmenters.candidates import ranked
from values.masks import Frame, Masks


def _masks(*scores: float) -> Masks:
    logits = np.stack([np.full((2, 3), index, np.float32) for index in range(len(scores))])
    return Masks(logits, np.array(scores, np.float32), Frame(None, (2, 3)))


def _order(masks: Masks) -> list[int]:
    return [int(logits[0, 0]) for logits, _ in ranked(masks)]


def test_the_best_rated_comes_first() -> None:
    assert _order(_masks(0.25, 0.75, 0.5)) == [1, 2, 0]
    assert [score for _, score in ranked(_masks(0.25, 0.75, 0.5))] == [0.75, 0.5, 0.25]


def test_of_equals_the_first_comes_first() -> None:
    assert _order(_masks(0.5, 0.5, 0.5)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("raw", "expected"), [(1.5, 1.0), (-0.5, 0.0), (np.nan, 0.0), (np.inf, 0.0), (-np.inf, 0.0)]
)
def test_scores_are_brought_into_0_to_1(raw: float, expected: float) -> None:
    assert ranked(_masks(raw))[0][1] == expected


def test_a_score_that_is_no_number_never_wins() -> None:
    assert _order(_masks(np.nan, 0.5)) == [1, 0]
