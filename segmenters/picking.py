"""Which of a decoder's candidates becomes the answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from values.masks import Masks
from values.prompt import Prompt


def pick(masks: Masks, prompt: Prompt) -> tuple[NDArray[np.float32], float]:
    """(HxW float32 logits, score in 0..1) of the candidate to show.

    A single click or box is ambiguous (part or whole?), so the candidate that the model itself rates best is
    taken, as Segment Anything's authors advise for its three masks. Several prompts settle the question, and
    the first candidate is taken: models with a head for exactly that case put it at index 0. A score that is
    not a finite number counts as 0.
    """
    scores = np.where(np.isfinite(masks.scores), masks.scores, 0.0)
    index = 0 if prompt.count > 1 else int(np.argmax(scores))
    score = float(np.clip(scores[index], 0.0, 1.0))
    return masks.logits[index], score
