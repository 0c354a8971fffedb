from __future__ import annotations

import numpy as np
import pytest

from segmenters.architectures import Family
from segmenters.candidates import candidates, ranked
from values.masks import Frame, Masks
from values.prompt import Prompt

SCORES = np.array([0.9, 0.1, 0.3, 0.2], np.float32)
CLICK = Prompt(np.zeros((1, 2)), np.ones(1, np.int32))
CLICKS = Prompt(np.zeros((2, 2)), np.ones(2, np.int32))
BOX = Prompt(box=np.zeros(4))


def _logits(*, stable: bool = True) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    logits = np.stack([np.full((8, 8), index + 1, np.float32) for index in range(4)])
    if not stable:
        logits[0, :4] = 0  # between the two thresholds: half of the area is unsure
    return logits


def _chosen(prompt: Prompt, family: Family, *, stable: bool = True) -> list[int]:
    logits, scores = candidates(_logits(stable=stable), SCORES, prompt, family)
    assert len(logits) == len(scores)
    return [int(mask[-1, -1]) - 1 for mask in logits]


@pytest.mark.parametrize("family", [each for each in Family if each is not Family.HQ_SAM])
@pytest.mark.parametrize("prompt", [CLICK, BOX])
def test_a_single_click_or_box_has_three_candidates(family: Family, prompt: Prompt) -> None:
    assert _chosen(prompt, family) == [1, 2, 3]


@pytest.mark.parametrize("family", [each for each in Family if each is not Family.TINYSAM])
@pytest.mark.parametrize(
    "prompt",
    [
        CLICKS,
        Prompt(CLICK.points, CLICK.labels, BOX.box),
        Prompt(CLICK.points, low_res=np.zeros((2, 2), np.float32)),
    ],
)
def test_several_prompts_or_a_refinement_have_the_single_mask(family: Family, prompt: Prompt) -> None:
    assert _chosen(prompt, family) == [0]


def test_sam2_replaces_an_unstable_single_mask_by_the_best_of_three() -> None:
    assert _chosen(CLICKS, Family.SAM2, stable=False) == [2]
    assert _chosen(CLICKS, Family.SAM, stable=False) == [0]


def test_tinysam_has_only_the_best_of_three() -> None:
    """Its ``MaskDecoder.forward`` gives masks 1 to 3 for any prompt."""
    assert _chosen(CLICKS, Family.TINYSAM) == [2]


@pytest.mark.parametrize("prompt", [CLICK, BOX, CLICKS])
def test_hq_sam_has_only_the_single_mask(prompt: Prompt) -> None:
    """Its token was trained beside that one, and its authors' demos ask for no other."""
    assert _chosen(prompt, Family.HQ_SAM, stable=False) == [0]


def test_an_empty_mask_counts_as_stable() -> None:
    logits = np.full((4, 8, 8), -5, np.float32)
    assert candidates(logits, SCORES, CLICKS, Family.SAM2)[1].tolist() == [SCORES[0]]


def test_an_export_that_chose_already_is_left_alone() -> None:
    logits, scores = candidates(_logits()[:1], SCORES[:1], CLICK, Family.SAM)
    assert (len(logits), len(scores)) == (1, 1)


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
