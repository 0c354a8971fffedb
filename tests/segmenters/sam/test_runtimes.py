"""Every runtime against torch in float32: how much of the masks is the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from segmenters.architectures import Architecture
from segmenters.resample import to_mask
from segmenters.sam.execution import Execution, Runtime
from testing.weights import pictures
from tests.segmenters.parity.slim import SLIM, SLIM2, SLIM_HQ, checkpoint, make_known
from tests.segmenters.sam.working import AtWork, Load, at_work

pytestmark = pytest.mark.slow

Say = Callable[[str, str, list[float]], None]

PROMPTS = tuple(pictures.prompts("land"))
EXACT = Execution(encoder="cpu", runtime=Runtime.TORCH)
EXACTLY = {
    "onnxruntime, the default": Execution(encoder="cpu"),
    "openvino": Execution(encoder="cpu", runtime=Runtime.OPENVINO),
}
ROUNDED = {
    "openvino in bfloat16": Execution("cpu", "cpu", Runtime.OPENVINO, "bfloat16"),
    # A minute an image on a CPU that has no such numbers: published sizes are in `make test-all` alone.
    "torch in bfloat16": Execution("cpu", "cpu", Runtime.TORCH, "bfloat16"),
}


# SAM 2's masks are compared with the publisher's in each of these runtimes (test_golden.py).
SAM2 = pytest.param("sam2.1_hiera_tiny", marks=pytest.mark.full)


@pytest.mark.parametrize("other", EXACTLY)
@pytest.mark.parametrize("name", ["mobile_sam", SAM2, pytest.param("sam_vit_b", marks=pytest.mark.full)])
def test_the_masks_are_those_of_torch(name: str, other: str, load: Load, say: Say) -> None:
    ious = _ious(load(name, EXACT), load(name, EXACTLY[other]))
    say(name, other, ious)
    assert min(ious) >= 0.999


@pytest.mark.parametrize(
    "other", ["openvino in bfloat16", pytest.param("torch in bfloat16", marks=pytest.mark.full)]
)
@pytest.mark.parametrize("name", ["mobile_sam", SAM2])
def test_rounded_masks_are_like_those_of_torch(name: str, other: str, load: Load, say: Say) -> None:
    """Random weights say little of how much rounding costs trained ones."""
    ious = _ious(load(name, EXACT), load(name, ROUNDED[other]))
    say(name, other, ious)
    assert np.mean(ious) >= 0.9


@pytest.mark.parametrize("architecture", [SLIM, SLIM2, SLIM_HQ], ids=lambda architecture: architecture.name)
def test_rounded_masks_of_slim_models_are_like_those_of_torch(
    architecture: Architecture, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_known(monkeypatch)
    checkpoint(architecture, tmp_path)
    other = "torch in bfloat16"
    exact, rounded = (at_work(architecture.name, each, tmp_path) for each in (EXACT, ROUNDED[other]))
    ious = _ious(exact, rounded, ("box_clicks",))
    say(architecture.name, other, ious)
    assert np.mean(ious) >= 0.9


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def say(name: str, other: str, ious: list[float]) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{name}, {other}: mask IoU min {min(ious):.5f}, mean {np.mean(ious):.5f}\n")

    return say


def _ious(expected: AtWork, other: AtWork, names: Sequence[str] = PROMPTS) -> list[float]:
    """Of the masks that either model makes of its own embeddings, asked with the prompts of these names."""
    ious = []
    for image in expected.embeddings:
        width, height = pictures.SIZES[image]
        prompts = pictures.prompts(image)
        for prompt in (prompts[name] for name in names if name in prompts):
            one, two = (model.decoder.decode(model.embeddings[image], prompt) for model in (expected, other))
            for logits in zip(one.logits, two.logits, strict=True):
                first, second = (to_mask(each, one.frame, width, height) for each in logits)
                union = np.count_nonzero(first | second)
                ious.append(np.count_nonzero(first & second) / union if union else 1.0)
    return ious
