"""Projects of spots for a detector whose answer is known: what is in them, and what is to be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from testing.finding_application import spot_mask
from testing.label_studio_masks import iou, region_mask
from testing.weights.colour_detector import Spot
from tests.real_label_studio.boxes import box

Json = Any
Wanted = list[tuple[Spot, str]]
"""Spots, each with the label that its mask is to have."""

_LABELS = '<Label value="Spot"/><Label value="Berry" predicted_values="red"/>'
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<RectangleLabels name="box" toName="image">{_LABELS}</RectangleLabels>'
    f'<BrushLabels name="mask" toName="image">{_LABELS}</BrushLabels></View>'
)
DRAWN = ("green", 16, 3)
PICTURES: list[list[Spot]] = [
    [("red", 3, 4), ("red", 10, 8), ("green", 6, 12), ("blue", 20, 12)],
    [("green", 5, 3), ("red", 12, 12), ("green", 20, 8)],
    [("blue", 8, 8)],
    [("red", 20, 4), DRAWN, ("green", 4, 10)],
]
"""Somebody drew a box around ``DRAWN``, which so is not to be found again."""
IN = 3
"""The number of the picture that has it."""
BOX = box(spot_mask(DRAWN), "Berry") | {"id": "drawn"}
"""The box, as Label Studio stores it."""


def wanted_in(number: int, labels: Mapping[str, str]) -> Wanted:
    """What a search is to find in a picture. ``labels``: by the colours that it finds."""
    return [(spot, labels[spot[0]]) for spot in PICTURES[number] if spot[0] in labels and spot != DRAWN]


def check(prediction: Json, wanted: Sequence[tuple[Spot, str]]) -> None:
    """The regions of a stored prediction are these spots, each once."""
    assert 0.2 < prediction["score"] <= 1
    left = list(wanted)
    for region in prediction["result"]:
        assert (region["type"], region["from_name"]) == ("brushlabels", "mask")
        mask = region_mask(region)
        spot, label = max(wanted, key=lambda each: iou(mask, spot_mask(each[0])))
        assert iou(mask, spot_mask(spot)) > 0.8
        assert region["value"]["brushlabels"] == [label]
        left.remove((spot, label))
    assert left == []
