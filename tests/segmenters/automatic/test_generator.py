from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.automatic import generator
from segmenters.automatic.filters import Filters
from segmenters.automatic.generator import MaskGenerator, point_grid
from values.masks import Frame, Masks
from values.prompt import Prompt

WIDTH, HEIGHT = 80, 40
Floats = NDArray[np.float32]


def disc(x: float, y: float, radius: float, slope: float = 4.0) -> Floats:
    """Logits that fall by ``slope`` with each pixel from the border of a disc."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32) + 0.5
    return np.asarray(slope * (radius - np.hypot(columns - x, rows - y)), np.float32)


class Discs:
    """Answers each click with a disc in the half of the picture that it is in, and with two others."""

    def __init__(self, scores: tuple[float, ...] = (0.95, 0.5, 0.3), slope: float = 40.0) -> None:
        self.scores = scores
        self.slope = slope
        self.clicks: list[tuple[float, float]] = []

    def __call__(self, prompts: Iterable[Prompt]) -> Iterator[Masks]:
        for prompt in prompts:
            [[x, y]] = prompt.points.tolist()
            assert prompt.labels.tolist() == [1]
            self.clicks.append((x, y))
            middle = 20.0 if x < 0.5 else 60.0
            radii = (10.0, 5.0, 15.0)[: len(self.scores)]
            logits = np.stack([disc(middle, 20, radius, self.slope) for radius in radii])
            yield Masks(logits, np.array(self.scores, np.float32), Frame(None, (HEIGHT, WIDTH)))


def run(discs: Discs, filters: Filters | None = None, side: int = 4) -> MaskGenerator:
    made = MaskGenerator(WIDTH, HEIGHT, side, filters or Filters())
    for _ in made.steps(discs):
        pass
    return made


def boxes(made: MaskGenerator) -> list[tuple[int, int, int, int]]:
    return [each.box for each in made.masks]


LEFT, RIGHT = (10, 10, 29, 29), (50, 10, 69, 29)


def test_the_grid_is_that_of_segment_anything() -> None:
    steps = np.linspace(1 / 8, 7 / 8, 4)
    np.testing.assert_allclose(point_grid(4)[:4], np.stack([steps, np.full(4, 1 / 8)], -1))
    np.testing.assert_allclose(point_grid(4)[4], [1 / 8, 3 / 8])
    assert point_grid(1).tolist() == [[0.5, 0.5]]


def test_each_thing_is_kept_once() -> None:
    discs = Discs()
    made = run(discs)
    assert len(discs.clicks) == made.done == 16
    assert sorted(boxes(made)) == [LEFT, RIGHT]
    assert [each.score for each in made.masks] == [pytest.approx(0.95)] * 2
    [first, _] = made.masks
    assert np.count_nonzero(first.mask(WIDTH, HEIGHT)) == pytest.approx(np.pi * 100, rel=0.05)
    assert made.prompt(first.point).points.shape == (1, 2)


def test_all_masks_of_a_click_count() -> None:
    assert len(run(Discs((0.95, 0.9, 0.89))).masks) == 6
    assert len(run(Discs((0.95, 0.9, 0.88))).masks) == 4, "0.88 is not above 0.88"


def test_a_mask_that_changes_with_its_threshold_is_left_out() -> None:
    """One pixel of a disc of radius 10 is a tenth of its radius, on either side: (9.5 / 10.5) ** 2."""
    blurred = Discs(slope=2.0)
    assert run(blurred).masks == []
    assert len(run(blurred, Filters(stability=0.8)).masks) == 2
    assert len(run(blurred, Filters(offset=0)).masks) == 2
    assert len(run(blurred, Filters(stability=0)).masks) == 2


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_none(score: float) -> None:
    assert run(Discs((score,)), Filters(iou=0)).masks == []


def test_without_a_bound_all_scores_do() -> None:
    assert len(run(Discs((-0.5,)), Filters(iou=0)).masks) == 2


def test_an_empty_mask_is_none() -> None:
    def nothing(prompts: Iterable[Prompt]) -> Iterator[Masks]:
        for _ in prompts:
            yield Masks(np.full((1, 4, 4), -1, np.float32), np.ones(1, np.float32), Frame(None, (4, 4)))

    made = MaskGenerator(WIDTH, HEIGHT, 2, Filters(stability=0))
    assert [*made.steps(nothing)] == [None] * 4
    assert made.masks == []


def test_it_can_be_left_and_gone_on_with() -> None:
    made, discs = MaskGenerator(WIDTH, HEIGHT, 4, Filters(min_area=2)), Discs()
    assert len([*islice(made.steps(discs), 5)]) == 5
    assert (made.done, len(discs.clicks)) == (5, 5)
    ended = [*islice(made.steps(discs), 12)]
    assert (len(ended), made.done, len(discs.clicks)) == (12, 16, 16)
    assert [*made.steps(discs)] == [None]
    assert sorted(boxes(made)) == [LEFT, RIGHT]
    assert len(set(discs.clicks)) == 16


def test_what_was_found_is_not_clicked_again_where_that_finds_the_same() -> None:
    discs = Discs()
    assert sorted(boxes(run(discs, Filters(covers=0.25), side=8))) == [LEFT, RIGHT]
    assert len(discs.clicks) < 64


def test_what_is_large_covers_nothing() -> None:
    discs = Discs()
    run(discs, Filters(covers=0.05), side=8)
    assert len(discs.clicks) == 64


def test_small_parts_are_removed_and_what_lost_some_comes_last() -> None:
    class Speckled(Discs):
        def __call__(self, prompts: Iterable[Prompt]) -> Iterator[Masks]:
            for masks in super().__call__(prompts):
                if masks.logits[0, 20, 20] > 0:
                    masks.logits[:, 39, 0] = 9
                    masks.scores[0] = 0.99
                yield masks

    filters = Filters(stability=0, overlap=0.9)
    assert boxes(run(Speckled(), filters)) == [(0, 10, 29, 39), RIGHT]
    cleaned = Filters(stability=0, overlap=0.9, min_area=2)
    assert boxes(run(Speckled(), cleaned)) == [RIGHT, LEFT]


def test_only_so_many_are_kept_the_best_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "MOST", 3)
    made = run(Discs((0.95, 0.9, 0.89)))
    assert [round(each.score, 2) for each in made.masks] == [0.95, 0.95, 0.9]


def test_memory_is_bounded_and_the_best_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = run(Discs((0.95, 0.9, 0.89)))
    one = max(each.nbytes for each in all_of_them.masks)
    monkeypatch.setattr(generator, "KEPT_BYTES", 5 * one)
    made = MaskGenerator(WIDTH, HEIGHT, 4, Filters())
    for _ in made.steps(Discs((0.95, 0.9, 0.89))):
        assert sum(each.nbytes for each in made._found) <= 5 * one
    assert {LEFT, RIGHT} <= set(boxes(made))
