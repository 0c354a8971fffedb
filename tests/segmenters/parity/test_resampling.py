"""Masks at the browser's size beside the official resampling."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from segmenters.architectures import LOW_RES, SIDE
from segmenters.models import ARCHITECTURES
from segmenters.resample import to_mask
from tests.oracles.steps import resampled_by_sam, resampled_by_sam2
from tests.segmenters.parity.logits import smooth, wrong
from tests.segmenters.parity.seed import SEED
from values.masks import Frame

# Twelve megapixels, lying and standing, and an image that the canvas enlarges.
SIZES = ((4000, 3000), (3000, 4000), (320, 200))
LOGITS = smooth(np.random.default_rng(SEED), 8.0)


@pytest.mark.parametrize("size", SIZES)
def test_masks_of_sam_are_cut_out_of_the_canvas_as_officially(size: tuple[int, int]) -> None:
    columns, rows = ARCHITECTURES["sam_vit_b"].input.scaled(*size)
    official = resampled_by_sam(LOGITS, (rows, columns), size[::-1])
    _check(to_mask(LOGITS, Frame((SIDE, SIDE), (rows, columns)), *size), official)


@pytest.mark.parametrize("size", SIZES)
def test_masks_of_sam2_are_stretched_as_officially(size: tuple[int, int]) -> None:
    _check(to_mask(LOGITS, Frame(None, (LOW_RES, LOW_RES)), *size), resampled_by_sam2(LOGITS, size[::-1]))


def _check(mask: NDArray[np.bool_], official: NDArray[np.float32]) -> None:
    assert mask.any()
    assert not mask.all()
    assert wrong(mask, official) == 0
