"""Every runtime against torch in float32: how much of the masks is the same."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from segmenters.resample import to_mask
from segmenters.sam.execution import Execution, Runtime
from testing.weights import pictures
from tests.segmenters.sam.working import MODELS, AtWork, Load

pytestmark = pytest.mark.slow

Say = Callable[[str, str, list[float]], None]

EXACT = Execution(encoder="cpu", runtime=Runtime.TORCH)
EXACTLY = {
    "onnxruntime, the default": Execution(encoder="cpu"),
    "openvino": Execution(encoder="cpu", runtime=Runtime.OPENVINO),
}
ROUNDED = {
    "openvino in bfloat16": Execution("cpu", "cpu", Runtime.OPENVINO, "bfloat16"),
    "torch in bfloat16": Execution("cpu", "cpu", Runtime.TORCH, "bfloat16"),
}


@pytest.mark.parametrize("other", EXACTLY)
@pytest.mark.parametrize("name", MODELS)
def test_the_masks_are_those_of_torch(name: str, other: str, load: Load, say: Say) -> None:
    ious = _ious(load(name, EXACT), load(name, EXACTLY[other]))
    say(name, other, ious)
    assert min(ious) >= 0.999


@pytest.mark.parametrize("other", ROUNDED)
@pytest.mark.parametrize("name", ["mobile_sam", "sam2.1_hiera_tiny"])
def test_rounded_masks_are_like_those_of_torch(name: str, other: str, load: Load, say: Say) -> None:
    """Random weights say little of how much rounding costs trained ones."""
    ious = _ious(load(name, EXACT), load(name, ROUNDED[other]))
    say(name, other, ious)
    assert np.mean(ious) >= 0.9


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def say(name: str, other: str, ious: list[float]) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{name}, {other}: mask IoU min {min(ious):.5f}, mean {np.mean(ious):.5f}\n")

    return say


def _ious(expected: AtWork, other: AtWork) -> list[float]:
    """Of the masks that either model makes of its own embeddings."""
    ious = []
    for image in expected.embeddings:
        width, height = pictures.SIZES[image]
        for prompt in pictures.prompts(image).values():
            one, two = (model.decoder.decode(model.embeddings[image], prompt) for model in (expected, other))
            for logits in zip(one.logits, two.logits, strict=True):
                first, second = (to_mask(each, one.frame, width, height) for each in logits)
                union = np.count_nonzero(first | second)
                ious.append(np.count_nonzero(first & second) / union if union else 1.0)
    return ious
