"""Which of a decoder's four masks are candidates: the authors' advice for each model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import Family
from values.prompt import Prompt

# How SAM 2 judges its single mask: the area above one threshold over the area above the other. These are
# `dynamic_multimask_stability_delta` and `_thresh` of its official configs.
_DELTA = 0.05
_STABLE = 0.98

Logits = NDArray[np.float32]


def candidates(logits: Logits, scores: Logits, prompt: Prompt, family: Family) -> tuple[Logits, Logits]:
    """The candidates' logits (NxHxW) and scores (N), from the decoder's four.

    A single click or box is ambiguous: the three masks made for that. Several, or an earlier answer to
    refine: the single mask. Decoders exported with a choice of their own, which give one mask, keep it.
    """
    if len(logits) == 1:
        return logits, scores
    if prompt.count > 1 or prompt.low_res is not None:
        return single(logits, scores, family)
    return logits[1:], scores[1:]


def single(logits: Logits, scores: Logits, family: Family) -> tuple[Logits, Logits]:
    """The one mask of several prompts; SAM 2 replaces an unstable one by the best of its three.

    The latter is `_dynamic_multimask_via_stability` of the official mask decoder, on by default in
    ``SAM2ImagePredictor``.
    """
    index = 0
    if family is Family.SAM2 and _stability(logits[0]) < _STABLE:
        index = 1 + int(np.argmax(scores[1:]))
    return logits[index : index + 1], scores[index : index + 1]


def _stability(logits: Logits) -> float:
    inner, outer = np.count_nonzero(logits > _DELTA), np.count_nonzero(logits > -_DELTA)
    return inner / outer if outer else 1.0
