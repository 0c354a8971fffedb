"""A half of a model that is ready to run, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


class Half(StrEnum):
    """The two halves of a model."""

    ENCODER = "encoder"
    DECODER = "decoder"


class Session(Protocol):
    """A network in a runtime: named arrays in, named arrays out.

    The encoder of every model takes ``image``: (1, 3, 1024, 1024) float32, normalised and padded
    (:mod:`segmenters.sam.preparing`), and gives the arrays of ``Architecture.outputs`` with a leading 1.

    The decoder takes those arrays and, as the official ONNX export of SAM does (README of segment-anything):

    * ``point_coords`` (1, N, 2) float32, (x, y) in pixels of the 1024 x 1024 canvas, without the half-pixel
      shift, which the network adds;
    * ``point_labels`` (1, N) float32: 1 positive, 0 negative, 2 and 3 the corners of a box, -1 padding;
    * ``mask_input`` (1, 1, 256, 256) float32 low-res logits, read where ``has_mask_input`` (1,) float32 is 1;

    and gives ``low_res_masks`` (1, 4, 256, 256) float32 and ``iou_predictions`` (1, 4) float32: the
    single-mask head at index 0, then the three of a single prompt.
    """

    @property
    def inputs(self) -> Mapping[str, tuple[int | None, ...]]:
        """Shape by name of input; None where it is free."""
        ...

    @property
    def outputs(self) -> Mapping[str, tuple[int | None, ...]]:
        """Shape by name of output; None where it is free."""
        ...

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names. Several threads may call at once; ``inputs`` are never written.

        Raises :class:`values.errors.ModelError` when the runtime fails.
        """
        ...
