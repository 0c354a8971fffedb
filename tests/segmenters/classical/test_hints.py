from __future__ import annotations

import numpy as np

from segmenters.classical.hints import Hints
from values.embedding import Embedding
from values.prompt import Prompt

HALF = Embedding({}, "classical-3", 200, 100, 100, 50)


def _prompt(*clicks: tuple[float, float, int], box: tuple[float, ...] | None = None) -> Prompt:
    points, labels = [click[:2] for click in clicks], [click[2] for click in clicks]
    return Prompt.in_pixels((200, 100), points, labels, box)


def test_clicks_go_to_the_middle_of_their_pixel() -> None:
    hints = Hints.of(_prompt((10.9, 20.1, 1), (0, 0, 0)), HALF)
    assert hints.clicks == (((5.25, 10.25), True), ((0.25, 0.25), False))
    assert hints.positive == [(5.25, 10.25)]
    assert hints.negative == [(0.25, 0.25)]


def test_clicks_outside_are_clamped_and_those_without_a_place_left_out() -> None:
    hints = Hints.of(_prompt((200, 100, 1), (-5, 400, 1), (np.nan, 1, 1), (1, np.inf, 0)), HALF)
    assert hints.positive == [(99.75, 49.75), (0.25, 49.75)]
    assert hints.negative == []


def test_a_box_is_ordered_clamped_and_holds_the_positive_clicks() -> None:
    assert Hints.of(_prompt(box=(40, 60, 20, -9)), HALF).box == (10, 0, 20, 30)
    assert Hints.of(_prompt((100, 30, 1), (150, 30, 0), box=(20, 20, 40, 60)), HALF).box == (10, 10, 50.5, 30)
    assert Hints.of(_prompt(box=(np.nan, 0, 1, 1)), HALF).box is None


def test_a_drawn_mask_of_any_size_keeps_thin_strokes() -> None:
    mask = np.zeros((100, 200), np.float32)
    mask[40, 20:180] = 1
    prior = Hints.of(Prompt(mask=mask), HALF).prior
    assert prior is not None
    assert prior.shape == (50, 100)
    assert prior[20, 15:85].all()
    assert np.count_nonzero(prior) < 200


def test_an_empty_drawing_is_no_hint() -> None:
    assert Hints.of(Prompt(mask=np.zeros((10, 20), np.float32)), HALF).prior is None
    assert Hints.of(Prompt(mask=np.zeros((0, 0), np.float32)), HALF).prior is None
