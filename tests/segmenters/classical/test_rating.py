from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.classical.rating import FEATURES, Rating, agreements, deepest, features
from tests.segmenters.classical.pictures import disc, picture

VIEW = picture(disc()).whole


def _feature(mask: NDArray[np.bool_], name: str, cell: tuple[int, int] = (120, 90)) -> float:
    there = VIEW.window.view(mask.astype(np.uint8) * 255) > 127
    return float(features(VIEW, there, VIEW.window.cells([cell])[0])[FEATURES.index(name)])


def test_a_feature_for_each_name() -> None:
    found = features(VIEW, disc()[: VIEW.window.height, : VIEW.window.width], (120, 90))
    assert found.shape == (len(FEATURES),)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("border", 0.3),
        ("gaps", 0.3),
        ("step", 0.2),
        ("border - inside", 0.3),
        ("border * (1 - overlap)", 0.3),
    ],
)
def test_the_thing_has_more_of_it_than_a_disc_beside_it(name: str, more: float) -> None:
    assert _feature(disc(), name) > _feature(disc(150, 90), name, (150, 90)) + more


def test_the_colours_of_a_thing_and_its_ground_do_not_overlap() -> None:
    assert _feature(disc(), "overlap") < 0.1 < 0.4 < _feature(disc(150, 90), "overlap", (150, 90))


def test_a_click_in_the_middle_is_central() -> None:
    assert _feature(disc(), "central") > 0.97
    assert 0.2 < _feature(disc(), "central", (145, 90)) < 0.5


def test_shape() -> None:
    assert _feature(disc(), "solid") > 0.97
    assert _feature(disc(), "compact") > 0.8
    ring = disc() & ~disc(radius=30)
    assert _feature(ring, "filled", (85, 90)) < 0.6
    assert _feature(disc(), "parts") == 0.25
    assert _feature(disc(60) | disc(180), "parts", (60, 90)) == 0.5


def test_what_touches_the_edge() -> None:
    assert _feature(disc(), "touch") == 0
    assert _feature(disc(0), "touch", (5, 90)) > 0.2
    assert _feature(disc(0), "cut off", (5, 90)) == 0  # it is the picture's own


def test_the_whole_picture_is_no_thing_and_no_error() -> None:
    everything = np.ones((180, 240), np.bool_)
    assert _feature(everything, "overlap") == 1
    assert _feature(everything, "step") == 0


def test_sources_agree_on_masks_that_are_alike() -> None:
    masks = [disc(), disc(121), disc(60), disc()]
    agreed = agreements(masks, ["one", "two", "two", "one"])
    assert agreed[0] == pytest.approx(agreed[3])
    assert agreed[0] > 1.8
    assert agreed[2] < 0.2


def test_the_deepest_cell() -> None:
    assert deepest(disc(101.5, 60.5, 20)) == (101, 60)


def test_a_rating_is_a_weighted_sum() -> None:
    assert Rating({"a": 2.0, "b": -1.0}, 0.5)(np.array([[1.0, 1.0], [0.0, 3.0]])).tolist() == [1.5, -2.5]
