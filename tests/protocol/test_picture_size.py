from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.picture_size import are_copies, check_same_picture
from values.errors import ImageDiffers

SIDES = st.integers(1, 65_535)


@given(SIDES, SIDES, st.integers(1, 65_535), st.sampled_from([math.floor, math.ceil, round]))
def test_a_copy_whose_sides_were_rounded_is_a_copy(
    width: int, height: int, side: int, rounded: Callable[[Fraction], int]
) -> None:
    scale = Fraction(min(side, max(width, height)), max(width, height))
    copy = max(1, rounded(width * scale)), max(1, rounded(height * scale))
    assert are_copies((width, height), copy)
    assert are_copies(copy, (width, height))
    check_same_picture((width, height), copy)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((960, 640), (640, 960)),
        ((960, 640), (960, 637)),
        ((960, 640), (480, 322)),
        ((960, 640), (1920, 1288)),
        ((4000, 3000), (4000, 2990)),
        ((4000, 3000), (1024, 1024)),
        ((100, 100), (50, 53)),
    ],
)
def test_pictures_of_another_shape_are_not(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert not are_copies(one, other)
    assert not are_copies(other, one)
    with pytest.raises(ImageDiffers):
        check_same_picture(one, other)


@given(SIDES, SIDES)
def test_a_size_is_a_copy_of_itself(width: int, height: int) -> None:
    assert are_copies((width, height), (width, height))


def test_the_sentence_names_both_sizes_and_what_to_do() -> None:
    with pytest.raises(ImageDiffers) as caught:
        check_same_picture((960, 640), (1280, 960))
    assert "a picture of 960 x 640 pixels" in caught.value.detail
    assert "has 1280 x 960, which is another shape" in caught.value.detail
    assert caught.value.detail.endswith("open the task again")
    with pytest.raises(ImageDiffers, match="which is the same rotated by a quarter turn"):
        check_same_picture((960, 640), (320, 480))
    assert (caught.value.status, caught.value.code) == (422, "image_differs")
