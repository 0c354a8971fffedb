"""Our choice of SAM 2's single mask beside that of its official mask decoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from segmenters.architectures import Family
from segmenters.candidates import single
from tests.oracles.steps import single_of_sam2
from tests.segmenters.parity.logits import smooth
from tests.segmenters.parity.seed import SEED

pytestmark = pytest.mark.slow


@settings(max_examples=40)
@seed(SEED)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1.0, 4.0, 8.0, 64.0]), st.sampled_from([-400.0, 0.0]))
def test_an_unstable_single_mask_is_replaced_by_the_official_one(
    drawn: int, scale: float, offset: float
) -> None:
    random = np.random.default_rng(drawn)
    logits = np.stack([smooth(random, scale) for _ in range(4)]) + np.float32(offset)
    scores = random.random(4, np.float32)
    for ours, expected in zip(
        single(logits, scores, Family.SAM2), single_of_sam2(logits, scores), strict=True
    ):
        np.testing.assert_array_equal(ours, expected)
