"""A decoder's masks: which are candidates for a prompt, and which candidate becomes the answer.

Both follow the advice of Segment Anything's authors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmenters.architectures import Family
from values.masks import Masks
from values.prompt import Prompt

# SAM 2's single mask is stable if its area hardly depends on the threshold, +_DELTA or -_DELTA. These are
# `dynamic_multimask_stability_delta` and `_thresh` of its official configs.
_DELTA = 0.05
_STABLE = 0.98

Logits = NDArray[np.float32]


def candidates(logits: Logits, scores: Logits, prompt: Prompt, family: Family) -> tuple[Logits, Logits]:
    """The candidates' logits (NxHxW) and scores (N), from the decoder's four.

    A single click or box is ambiguous, so its candidates are the three masks that are trained for that.
    Several prompts, or an earlier answer to refine, have the single mask, and so has every prompt of HQ-SAM,
    whose own token was trained beside that one. A decoder that gives one mask was
    exported with a choice of its own, which is kept.
    """
    if len(logits) == 1:
        return logits, scores
    if prompt.count > 1 or prompt.low_res is not None or family is Family.HQ_SAM:
        return single(logits, scores, family)
    return logits[1:], scores[1:]


def single(logits: Logits, scores: Logits, family: Family) -> tuple[Logits, Logits]:
    """The mask for several prompts and its score, each with a leading 1.

    SAM 2 replaces an unstable one by the best of its three: `_dynamic_multimask_via_stability` of the
    official mask decoder, on by default in ``SAM2ImagePredictor``. TinySAM has only the three: its mask
    decoder and its predictor drop the first whatever the prompt is.
    """
    index = 0
    unstable = family.as_sam2 and _stability(logits[0]) < _STABLE
    if unstable or family is Family.TINYSAM:
        index = 1 + int(np.argmax(scores[1:]))
    return logits[index : index + 1], scores[index : index + 1]


def ranked(masks: Masks) -> list[tuple[Logits, float]]:
    """(HxW float32 logits, score in 0..1) of every candidate, the one that the model rates best first.

    A score that is not a finite number counts as 0.
    """
    scores = np.where(np.isfinite(masks.scores), masks.scores, 0.0)
    order = np.argsort(-scores, kind="stable")
    return [(masks.logits[index], float(np.clip(scores[index], 0.0, 1.0))) for index in order]


def _stability(logits: Logits) -> float:
    """The area above one threshold over the area above the other, in 0..1; 1 where there is none."""
    inner, outer = np.count_nonzero(logits > _DELTA), np.count_nonzero(logits > -_DELTA)
    return inner / outer if outer else 1.0
