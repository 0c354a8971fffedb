"""Which of a decoder's candidates becomes the answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from values.masks import Masks


def ranked(masks: Masks) -> list[tuple[NDArray[np.float32], float]]:
    """(HxW float32 logits, score in 0..1) of every candidate, the one that the model rates best first.

    Taking the best of the candidates for an ambiguous prompt is the advice of Segment Anything's authors. A
    score that is not a finite number counts as 0.
    """
    scores = np.where(np.isfinite(masks.scores), masks.scores, 0.0)
    order = np.argsort(-scores, kind="stable")
    return [(masks.logits[index], float(np.clip(scores[index], 0.0, 1.0))) for index in order]
