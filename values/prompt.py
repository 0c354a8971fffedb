"""What an annotator pointed at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


def _no_points() -> NDArray[np.float32]:
    return np.zeros((0, 2), np.float32)


def _no_labels() -> NDArray[np.int32]:
    return np.zeros((0,), np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """Everything that asks for one mask.

    ``points``: Nx2 float32, (x, y) in pixels of the natural image, oldest first.
    ``labels``: N int32, 1 = positive click, 0 = negative click.
    ``box``: (4,) float32 x0, y0, x1, y1 in pixels of the natural image, or None.
    ``mask``: HxW float32 in 0..1, a drawn mask over the whole image at any size (its aspect is the image's),
    or None.
    ``low_res``: HxW float32, low-res logits of an earlier answer of the same segmenter for the same image, to
    refine; or None.
    """

    points: NDArray[np.float32] = field(default_factory=_no_points)
    labels: NDArray[np.int32] = field(default_factory=_no_labels)
    box: NDArray[np.float32] | None = None
    mask: NDArray[np.float32] | None = None
    low_res: NDArray[np.float32] | None = None

    @property
    def count(self) -> int:
        """How many things were pointed at: clicks, the box and the drawn mask."""
        return len(self.points) + (self.box is not None) + (self.mask is not None)
