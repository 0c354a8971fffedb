"""Weights of the classical ratings are fitted to choices."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.classical.fitting import NAMES, Choice, asked, choices, estimating, fitted
from benchmarks.classical.things import PHOTOGRAPHS, Thing
from segmenters.classical import weights
from segmenters.classical.rating import FEATURES, Rating


def made(seed: int, count: int = 40, *, photographed: bool = False) -> list[Choice]:
    """Choices among five candidates, whose first feature tells what they are worth."""
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-1, 1, (count, 5, len(NAMES["FIRST"])))
    return [Choice("FIRST", each, (each[:, 0] + 1) / 2, photographed) for each in rows]


def missed(rating: Rating, among: list[Choice]) -> float:
    """By how much what is rated best is worth less than the best there is, on average."""
    return float(np.mean([each.worth.max() - each.worth[rating(each.rows).argmax()] for each in among]))


def test_what_tells_the_worth_is_found() -> None:
    assert missed(fitted(made(1)), made(2)) < 0.03


def test_few_photographs_count_as_much_as_all_that_is_generated() -> None:
    generated = made(1, 80)
    others = [each._replace(worth=1 - each.worth) for each in made(2, 10)]
    assert missed(fitted(generated + others), generated) < 0.05
    photographed = [each._replace(photographed=True) for each in others]
    assert missed(fitted(generated + photographed), generated) > 0.1


def test_what_a_click_loses_counts_four_times() -> None:
    rows = np.zeros((2, len(NAMES["FIRST"])))
    rows[1, 3] = 1  # a candidate that gains .3 or loses .2, beside one that changes nothing
    daring = [Choice("FIRST", rows, np.array([0.0, gain])) for gain in (0.3, -0.1)]
    assert fitted(daring).weights[NAMES["FIRST"][3]] < 0


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.3, -0.3])
def test_a_correction_is_rated_above_0_where_it_is_worth_more_than_none(gain: float) -> None:
    rows = np.random.default_rng(1).uniform(-1, 1, (40, 3, len(NAMES["ADDING"])))
    rating = fitted([Choice("ADDING", each, np.full(3, gain)) for each in rows])
    assert (rating(rows[0]) > 0).all() == (gain > 0)
    assert (rating(rows[0]) < 0).all() == (gain < 0)


def test_an_estimate_is_of_the_worth_itself() -> None:
    seen = np.random.default_rng(1).uniform(0, 1, (200, len(FEATURES)))
    rating = estimating([Choice("PLAUSIBLE", row[None], np.array([0.3 + 0.5 * row[2]])) for row in seen])
    assert np.abs(rating(seen) - 0.3 - 0.5 * seen[:, 2]).max() < 0.1


def test_the_weights_that_are_kept_are_of_what_is_measured() -> None:
    assert {name: tuple(getattr(weights, name).weights) for name in NAMES} == NAMES


def test_more_is_generated_than_is_reported_and_every_photograph_is_asked_for() -> None:
    everything = asked(None)
    assert len(set(everything)) == len(everything)
    assert sum(thing.kind == "touching" for thing in everything) == 18
    assert {thing.chosen for thing in everything} == {"tuned"}
    assert any(thing.kind == PHOTOGRAPHS for thing in everything)


@pytest.mark.full
def test_annotators_choose_at_each_click_and_box() -> None:
    found = choices(Thing("tuned", "small", 1))
    assert {"FIRST", "BOXED"} <= {choice.rating for choice in found}
    for choice in found:
        assert choice.rows.shape == (len(choice.worth), len(NAMES[choice.rating]))
        assert not choice.photographed
