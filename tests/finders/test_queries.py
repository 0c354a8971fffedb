from __future__ import annotations

import numpy as np
import pytest

from finders.matches import likeness, match, scored
from finders.queries import NOT_MEANT, QUERY_LIMIT, Queries, example
from tests.finders.samples import EAST, NORTH, SQUARES, WEST, found_of
from values.errors import BadPrompt


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


def test_scores_are_products_shifted_and_scaled() -> None:
    found = found_of([EAST, NORTH], shift=[0.5, -0.25], scale=[2, 4])
    logits = Queries.of([[3, 4]], [0]).logits(found)
    np.testing.assert_allclose(logits, [[(0.6 + 0.5) * 2], [(0.8 - 0.25) * 4]], rtol=1e-5)


def test_the_best_query_decides_score_and_class() -> None:
    found = found_of([EAST, NORTH], scale=[2, 2])
    scores, classes = scored(found, Queries.of([EAST, NORTH, [1, 1]], [7, 3, 7]))
    assert classes.tolist() == [7, 3]
    np.testing.assert_allclose([logit(score) for score in scores], [2, 2], rtol=1e-4)


def test_a_class_may_have_several_examples() -> None:
    found = found_of([EAST, NORTH, WEST])
    assert match(found, Queries.of([EAST, NORTH], [0, 0]), 0.6).places.tolist() == [0, 1]


def test_what_is_more_like_a_negative_example_is_left_out() -> None:
    found = found_of([EAST, [0.8, 0.6], NORTH])
    found_anyway = match(found, Queries.of([EAST], [0]), 0.4)
    assert found_anyway.places.tolist() == [0, 1, 2]
    queries = Queries.of([EAST, NORTH], [0, NOT_MEANT])
    assert match(found, queries, 0.4).places.tolist() == [0, 1]
    alike = likeness(found, queries)
    assert alike is not None
    assert alike.score == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-4)
    assert alike.logit == pytest.approx(1, rel=1e-4)
    assert alike.box == pytest.approx(SQUARES[0])


def test_the_class_of_the_best_query_anywhere_is_that_of_the_likeness() -> None:
    found = found_of([EAST, NORTH, [0.8, 0.6]], scale=[1, 3, 1])
    queries = Queries.of([EAST, WEST, NORTH], [0, 1, 2])
    alike = likeness(found, queries)
    assert alike is not None
    assert alike.answers == 2
    assert alike.box == pytest.approx(SQUARES[1])
    assert alike.score == pytest.approx(scored(found, queries)[0].max())


def test_an_image_of_what_is_not_meant_has_no_likeness() -> None:
    assert likeness(found_of([NORTH]), Queries.of([EAST, NORTH], [0, NOT_MEANT])) is None
    assert likeness(found_of([]), Queries.of([EAST], [0])) is None


def test_scores_at_the_threshold_are_left_out() -> None:
    found = found_of([EAST, WEST], scale=[0, 1])
    assert match(found, Queries.of([EAST], [0]), 0.5).places.tolist() == []
    assert match(found, Queries.of([EAST], [0]), 0.499).places.tolist() == [0]


def test_matches_are_sorted_and_complete() -> None:
    found = found_of([NORTH, [0.6, 0.8], EAST])
    matches = match(found, Queries.of([EAST, [-1, 0]], [4, 5]), 0.4)
    assert matches.places.tolist() == [2, 1, 0]
    assert len(matches) == 3
    assert matches.classes.tolist()[:2] == [4, 4]
    np.testing.assert_array_equal(matches.boxes, found.boxes[[2, 1, 0]])
    assert (np.diff(matches.scores) <= 0).all()


def test_doubles_are_found_once_also_beside_a_region() -> None:
    best, second = (0.0, 0.0, 0.5, 1.0), (0.1, 0.0, 0.6, 1.0)
    found = found_of([EAST, [0.9, 0.4]], boxes=[best, second])
    queries = Queries.of([EAST], [0])
    assert match(found, queries, 0.1).places.tolist() == [0]
    # The region is that of the best box, and hardly of the second, which is of the same thing all the same.
    region = (-0.1, 0.0, 0.4, 1.0)
    assert match(found, queries, 0.1, [region]).places.tolist() == []


def test_extreme_scales_stay_scores() -> None:
    found = found_of([EAST, EAST], boxes=SQUARES[:2], scale=[1e4, -1e4])
    scores, _ = scored(found, Queries.of([EAST], [0]))
    assert scores.tolist() == [1, 0]


def test_nothing_found_matches_nothing() -> None:
    assert len(match(found_of([]), Queries.of([EAST], [0]), 0.1, [SQUARES[0]])) == 0


def test_only_negative_examples_are_refused() -> None:
    with pytest.raises(BadPrompt, match="only examples of what is not meant"):
        Queries.of([EAST], [NOT_MEANT])


def test_too_many_queries_are_refused() -> None:
    with pytest.raises(BadPrompt, match="257 phrases and examples are asked for at once, and 256"):
        Queries.of([EAST] * (QUERY_LIMIT + 1), [0] * (QUERY_LIMIT + 1))


def test_queries_of_another_detector_do_not_fit() -> None:
    with pytest.raises(ValueError, match="queries of 3 numbers do not fit test"):
        Queries.of([[1, 0, 0]], [0]).logits(found_of([EAST]))


def test_an_example_is_the_box_that_overlaps_most() -> None:
    found = found_of([EAST, NORTH, WEST])
    x0, y0, x1, y1 = SQUARES[1]
    np.testing.assert_array_equal(example(found, (x0 - 0.02, y0, x1 + 0.01, y1)), NORTH)


def test_of_boxes_at_one_place_the_one_most_like_an_object_is_the_example() -> None:
    found = found_of([NORTH, EAST], boxes=[SQUARES[0]] * 2)
    np.testing.assert_array_equal(example(found, SQUARES[0]), NORTH)


@pytest.mark.parametrize("box", [(0.9, 0.9, 1, 1), (0, 0, 0.02, 0.02), (0, 0, 1, 1)])
def test_an_example_of_nothing_is_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(BadPrompt, match="the detector sees no object where the example is drawn"):
        example(found_of([EAST, NORTH]), box)


def test_nothing_is_an_example_where_nothing_was_found() -> None:
    with pytest.raises(BadPrompt, match="sees no object"):
        example(found_of([]), SQUARES[0])


@pytest.mark.parametrize("box", [(0.1, 0.1, 0.1, 0.4), (0.4, 0.1, 0.1, 0.4), (0, 0, float("nan"), 1)])
def test_a_box_without_area_is_no_example(box: tuple[float, ...]) -> None:
    with pytest.raises(BadPrompt, match="a box without area"):
        example(found_of([EAST]), box)
