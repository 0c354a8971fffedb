from __future__ import annotations

import warnings

import numpy as np
import pytest

from finders.picture import canvas
from tests.finders.samples import picture
from tests.finders.theirs import Theirs

SIDE = 96
# No side of 1: transformers takes such a picture for one with its channels first.
SIZES = [(96, 96), (96, 40), (30, 96), (300, 200), (123, 457), (97, 96), (40, 31), (2, 7), (1000, 2)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_picture_is_prepared_as_transformers_prepares_it(theirs: Theirs, width: int, height: int) -> None:
    pixels = picture(width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of SciPy, about the mode that they choose
        expected = theirs.prepared(pixels.rgb)[0].numpy()
    np.testing.assert_allclose(canvas(pixels, SIDE), expected, atol=2e-5)


def test_what_is_not_picture_is_black() -> None:
    made = canvas(picture(96, 40), SIDE)
    black = made[:, 40:]
    assert (black == black[:, :1, :1]).all()
    assert (made[:, :40] != black[:, :1, :1]).any()


def test_a_canvas_is_what_torch_takes() -> None:
    made = canvas(picture(300, 200), SIDE)
    assert made.shape == (3, SIDE, SIDE)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
