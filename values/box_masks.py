"""What a decoder replica answers when it is asked for the masks of many boxes."""

from __future__ import annotations

from dataclasses import dataclass

from values.click_answer import Region


@dataclass(frozen=True, slots=True)
class BoxMasks:
    """The masks of an image's boxes, in their order.

    ``regions``: results for Label Studio by box, none where the mask is empty or too small. ``scores``: the
    model's, one for each box, in 0..1. ``version``: of the model.
    """

    regions: list[list[Region]]
    scores: list[float]
    version: str
