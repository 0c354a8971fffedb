from __future__ import annotations

import cv2
import numpy as np
import pytest

from testing.outlined import Outlined, outlined, photograph_file
from testing.photographs import photographs
from testing.still_lifes.styles import SETS


@pytest.fixture(scope="module")
def sets() -> dict[str, list[Outlined]]:
    return {chosen: list(outlined(chosen)) for chosen in SETS}


def test_both_sets_have_many_things_and_share_no_photograph(sets: dict[str, list[Outlined]]) -> None:
    assert len(sets["tuned"]) >= 20
    assert len(sets["reported"]) >= 12
    files = [{thing.name.split(":")[0] for thing in things} for things in sets.values()]
    assert not files[0] & files[1]
    names = [thing.name for things in sets.values() for thing in things]
    assert len(set(names)) == len(names)


def test_the_things_that_were_there_are_tuned_on(sets: dict[str, list[Outlined]]) -> None:
    known = photographs()
    for thing, (name, rgb, truth) in zip(sets["tuned"], known, strict=False):
        assert thing.name == name
        np.testing.assert_array_equal(thing.rgb, rgb)
        np.testing.assert_array_equal(thing.truth, truth)


@pytest.mark.parametrize("chosen", SETS)
def test_each_thing_is_one_piece_and_neither_a_dot_nor_the_picture(
    sets: dict[str, list[Outlined]], chosen: str
) -> None:
    for thing in sets[chosen]:
        assert thing.rgb.shape == (*thing.truth.shape, 3)
        assert cv2.connectedComponents(thing.truth.astype(np.uint8))[0] == 2, thing.name
        assert 60 < np.count_nonzero(thing.truth) < 0.5 * thing.truth.size, thing.name


def test_things_are_small_and_large(sets: dict[str, list[Outlined]]) -> None:
    for things in sets.values():
        shares = [
            max(np.ptp(np.flatnonzero(thing.truth.any(axis=axis))) + 1 for axis in (0, 1))
            / max(thing.truth.shape)
            for thing in things
        ]
        assert min(shares) < 0.09
        assert max(shares) > 0.5


@pytest.mark.parametrize(("package", "file"), [("skimage", "data/no.png"), ("sklearn", "no.jpg")])
def test_a_photograph_that_is_not_there_is_named(package: str, file: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"scikit-(image|learn) with its .*no\..*requirements-dev"):
        photograph_file(package, file)
