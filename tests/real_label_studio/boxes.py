"""Projects of boxes: a labeling config that has a place for their masks, and the boxes of known things."""

from __future__ import annotations

from typing import Any

import numpy as np

from testing.label_studio_masks import Mask
from testing.scenes import Scene

Json = Any
WIDTH, HEIGHT = 320, 240
_LABELS = '<Label value="Thing"/><Label value="Other"/>'
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<RectangleLabels name="box" toName="image">{_LABELS}</RectangleLabels>'
    f'<BrushLabels name="mask" toName="image">{_LABELS}</BrushLabels></View>'
)


def boxes(known: Scene) -> list[Json]:
    """A box around each thing of a scene, as an annotator draws it."""
    return [box(mask, ("Thing", "Other")[number % 2]) for number, mask in enumerate(known.masks)]


def box(mask: Mask, label: str) -> Json:
    """The box of a mask, as Label Studio stores it."""
    (height, width), (rows, columns) = mask.shape, (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    left, right = (100 * float(edge) / width for edge in (columns[0], columns[-1] + 1))
    top, bottom = (100 * float(edge) / height for edge in (rows[0], rows[-1] + 1))
    place = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
    return {
        "id": f"box-{label}-{columns[0]}-{rows[0]}",
        "from_name": "box",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {**place, "rectanglelabels": [label]},
    }
