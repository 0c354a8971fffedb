from __future__ import annotations

import numpy as np
import pytest

from segmenters.picking import pick
from values.masks import Frame, Masks
from values.prompt import Prompt


def _masks(*scores: float) -> Masks:
    logits = np.stack([np.full((2, 3), index, np.float32) for index in range(len(scores))])
    return Masks(logits, np.array(scores, np.float32), Frame(None, (2, 3)))


def _clicks(count: int) -> Prompt:
    return Prompt(np.zeros((count, 2), np.float32), np.ones(count, np.int32))


def test_one_candidate_is_the_answer() -> None:
    logits, score = pick(_masks(0.25), _clicks(1))
    assert logits.shape == (2, 3)
    assert score == 0.25


def test_one_prompt_takes_the_best_rated() -> None:
    logits, score = pick(_masks(0.25, 0.75, 0.5), _clicks(1))
    assert logits[0, 0] == 1
    assert score == 0.75


@pytest.mark.parametrize(
    "prompt", [_clicks(2), Prompt(*(_clicks(1).points, _clicks(1).labels), box=np.zeros(4, np.float32))]
)
def test_several_prompts_take_the_first(prompt: Prompt) -> None:
    logits, score = pick(_masks(0.25, 0.75), prompt)
    assert logits[0, 0] == 0
    assert score == 0.25


@pytest.mark.parametrize(
    ("raw", "expected"), [(1.5, 1.0), (-0.5, 0.0), (np.nan, 0.0), (np.inf, 0.0), (-np.inf, 0.0)]
)
def test_scores_are_brought_into_0_to_1(raw: float, expected: float) -> None:
    assert pick(_masks(raw), _clicks(1))[1] == expected


def test_a_score_that_is_no_number_never_wins() -> None:
    assert pick(_masks(np.nan, 0.5), _clicks(1))[0][0, 0] == 1
