"""What an encoder makes of one image, and all that a decoder needs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """An image embedding, as plain arrays that may be read-only views: never write in place.

    ``arrays``: named arrays, their shapes and dtypes are the segmenter's own.
    ``segmenter``: id of the segmenter (model and weights) that made it; no other may decode it.
    ``width``, ``height``: natural size of the image in pixels.
    ``input_width``, ``input_height``: size of the pixels the encoder saw, without padding.
    ``evidence``: of which content of the image it was made, as ``Pixels`` has it; "" where nothing tells.
    """

    arrays: Mapping[str, NDArray[np.generic]]
    segmenter: str
    width: int
    height: int
    input_width: int
    input_height: int
    evidence: str = field(default="", kw_only=True)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())
