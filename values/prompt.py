"""What an annotator pointed at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _no_points() -> NDArray[np.float64]:
    return np.zeros((0, 2), np.float64)


def _no_labels() -> NDArray[np.int32]:
    return np.zeros((0,), np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """Everything that asks for one mask.

    Places are fractions of the picture: 0, 0 is its top left corner and 1, 1 its bottom right, at whatever
    size a browser shows it and whatever copy of it was read. Only a decoder makes pixels of them, those of
    its embedding.

    ``points``: Nx2 float64, (x, y), oldest first. ``labels``: N int32, 1 = positive click, 0 = negative
    click. ``box``: (4,) float64 x0, y0, x1, y1, or None.
    ``mask``: HxW float32 in 0..1, a drawn mask over the whole picture at any size, or None.
    ``low_res``: HxW float32, low-res logits of an earlier answer of the same segmenter for the same image, to
    refine; or None.
    """

    points: NDArray[np.float64] = field(default_factory=_no_points)
    labels: NDArray[np.int32] = field(default_factory=_no_labels)
    box: NDArray[np.float64] | None = None
    mask: NDArray[np.float32] | None = None
    low_res: NDArray[np.float32] | None = None

    @classmethod
    def in_pixels(
        cls,
        size: tuple[int, int],
        points: ArrayLike = (),
        labels: ArrayLike = (),
        box: ArrayLike | None = None,
        mask: NDArray[np.float32] | None = None,
    ) -> Self:
        """The prompt whose ``points`` and ``box`` are pixels of a picture of ``size``, (width, height)."""
        sides = np.array(size, np.float64)
        return cls(
            np.asarray(points, np.float64).reshape(-1, 2) / sides,
            np.asarray(labels, np.int32),
            None if box is None else np.asarray(box, np.float64) / np.tile(sides, 2),
            mask,
        )

    @property
    def count(self) -> int:
        """How many things were pointed at: clicks, the box and the drawn mask."""
        return len(self.points) + (self.box is not None) + (self.mask is not None)
