from __future__ import annotations

import numpy as np

from segmenters.architectures import MEAN, STD
from segmenters.sam.preprocess import canvas


def test_pixels_are_normalised_at_the_top_left_and_the_rest_is_zero() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (1024, 700, 3), np.uint8)
    prepared = canvas(rgb)
    assert prepared.shape == (1, 3, 1024, 1024)
    assert prepared.dtype == np.float32
    expected = ((rgb - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)
    np.testing.assert_allclose(prepared[0, :, :, :700], expected, atol=1e-6)
    assert not prepared[0, :, :, 700:].any()


def test_a_full_canvas_needs_no_padding() -> None:
    white = np.full((1024, 1024, 3), 255, np.uint8)
    np.testing.assert_allclose(canvas(white)[0, :, -1, -1], (255 - np.array(MEAN)) / np.array(STD), rtol=1e-6)


def test_floats_keep_their_fractions() -> None:
    half = np.full((4, 4, 3), 127.5, np.float32)
    np.testing.assert_allclose(canvas(half)[0, :, 0, 0], (127.5 - np.array(MEAN)) / np.array(STD), rtol=1e-5)
