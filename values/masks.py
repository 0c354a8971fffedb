"""What a decoder answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """How low-res logits cover the image.

    ``canvas``: (height, width) the logits are first resampled to, or None to skip that step.
    ``content``: (height, width) of the top-left part of the canvas that the image covers; the rest is
    padding. SAM: canvas 1024 x 1024 and the unpadded input size; SAM 2 and classical: no canvas, all of the
    logits.
    """

    canvas: tuple[int, int] | None
    content: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """Candidate masks for one prompt.

    ``logits``: NxHxW float32 low-res logits; a pixel is on where its resampled logit is > 0.
    ``scores``: N float32, the model's own estimate of the IoU; may leave [0, 1], callers clamp.
    """

    logits: NDArray[np.float32]
    scores: NDArray[np.float32]
    frame: Frame
