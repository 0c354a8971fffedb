from __future__ import annotations

import numpy as np
import pytest

from segmenters.architectures import MEAN, STD, Family
from segmenters.sam.inputs import canvas, decoder_inputs
from values.embedding import Embedding
from values.prompt import Prompt

# 400 x 200 on a canvas of 1024: SAM sees 1024 x 512, SAM 2 a square.
KEPT = Embedding({}, "test", 400, 200, 1024, 512)
SQUASHED = Embedding({}, "test", 400, 200, 1024, 1024)
CLICKS = Prompt(np.array([[0.25, 0.25], [0.5, 0.5]]), np.array([1, 0], np.int32))
BOX = np.array([0.0, 0, 1, 1])


def test_sam_keeps_the_aspect_and_pads_without_a_box() -> None:
    inputs = decoder_inputs(CLICKS, KEPT, Family.SAM)
    np.testing.assert_allclose(inputs["point_coords"], [[[256, 128], [512, 256], [0, 0]]])
    np.testing.assert_allclose(inputs["point_labels"], [[1, 0, -1]])
    assert {array.dtype for array in inputs.values()} == {np.dtype(np.float32)}


def test_sam_puts_the_corners_after_the_clicks_and_does_not_pad() -> None:
    inputs = decoder_inputs(Prompt(CLICKS.points, CLICKS.labels, BOX), KEPT, Family.MOBILE_SAM)
    np.testing.assert_allclose(inputs["point_coords"][0, 2:], [[0, 0], [1024, 512]])
    np.testing.assert_allclose(inputs["point_labels"], [[1, 0, 2, 3]])


def test_sam2_squashes_puts_the_corners_first_and_always_pads() -> None:
    inputs = decoder_inputs(Prompt(CLICKS.points, CLICKS.labels, BOX), SQUASHED, Family.SAM2)
    np.testing.assert_allclose(
        inputs["point_coords"], [[[0, 0], [1024, 1024], [256, 256], [512, 512], [0, 0]]]
    )
    np.testing.assert_allclose(inputs["point_labels"], [[2, 3, 1, 0, -1]])


@pytest.mark.parametrize("family", Family)
def test_without_clicks_and_box_the_padding_point_stands_alone(family: Family) -> None:
    inputs = decoder_inputs(Prompt(low_res=np.ones((256, 256), np.float32)), KEPT, family)
    np.testing.assert_allclose(inputs["point_labels"], [[-1]])
    assert inputs["has_mask_input"] == [1]
    assert (inputs["mask_input"] == 1).all()


def test_no_mask_is_marked_as_none() -> None:
    inputs = decoder_inputs(CLICKS, KEPT, Family.SAM)
    assert inputs["has_mask_input"] == [0]
    assert inputs["mask_input"].shape == (1, 1, 256, 256)


def test_a_drawn_mask_lies_over_the_canvas_as_the_image_does() -> None:
    drawn = np.zeros((200, 400), np.float32)
    drawn[:, :200] = 1
    mask = decoder_inputs(Prompt(box=BOX, mask=drawn), KEPT, Family.SAM)["mask_input"][0, 0]
    np.testing.assert_allclose(mask[:128, :128], 10, rtol=1e-5)
    assert (mask[:128, 128:] == -10).all()
    assert (mask[128:] == -10).all(), "padding is off"


def test_what_was_drawn_counts_more_than_an_earlier_answer() -> None:
    low_res = np.full((256, 256), 5, np.float32)
    prompt = Prompt(mask=np.ones((10, 20), np.float32), low_res=low_res)
    assert decoder_inputs(prompt, KEPT, Family.SAM)["mask_input"][0, 0, 0, 0] == 10


def test_sam2_takes_earlier_logits_within_its_limits_and_sam_as_they_are() -> None:
    low_res = np.full((256, 256), -100, np.float32)
    prompt = Prompt(CLICKS.points, CLICKS.labels, low_res=low_res)
    assert (decoder_inputs(prompt, SQUASHED, Family.SAM2)["mask_input"] == -32).all()
    assert (decoder_inputs(prompt, KEPT, Family.SAM)["mask_input"] == -100).all()


def test_an_extremely_flat_image_keeps_a_row() -> None:
    flat = Embedding({}, "test", 4000, 1, 1024, 1)
    mask = decoder_inputs(Prompt(mask=np.ones((1, 512), np.float32)), flat, Family.SAM)["mask_input"][0, 0]
    assert (mask[0] == 10).all()


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
