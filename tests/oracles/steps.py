"""Single steps of the official code, which no weight has a part in."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sam2.utils.transforms import SAM2Transforms

from segmenters.architectures import SIDE
from segmenters.models import ARCHITECTURES
from tests.oracles.official import described

Floats = NDArray[np.float32]


def single_of_sam2(logits: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """SAM 2's single mask (1, 256, 256) and its score (1,), of the decoder's four."""
    decoder = _network("sam2.1_hiera_tiny").sam_mask_decoder
    mask, score = decoder._dynamic_multimask_via_stability(
        torch.from_numpy(logits)[None], torch.from_numpy(scores)[None]
    )
    return mask[0].numpy(), score[0].numpy()


def resampled_by_sam(logits: Floats, content: tuple[int, int], size: tuple[int, int]) -> Floats:
    """Logits (256, 256) at the size of an image, of which ``content`` of the canvas is; both (H, W)."""
    resampled = _network("sam_vit_b").postprocess_masks(torch.from_numpy(logits)[None, None], content, size)
    return np.asarray(resampled[0, 0])


def resampled_by_sam2(logits: Floats, size: tuple[int, int]) -> Floats:
    """Logits (256, 256) at the size (H, W) of an image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit.script, for images
        transforms = SAM2Transforms(SIDE, mask_threshold=0.0)
    return np.asarray(transforms.postprocess_masks(torch.from_numpy(logits)[None, None], size)[0, 0])


@cache
def _network(name: str) -> Any:
    return described(ARCHITECTURES[name])
