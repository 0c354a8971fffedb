"""Sessions: a half of a model that is ready to run, in any runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from values.errors import DeviceFailed, OutOfMemory

Array = NDArray[Any]

# The words of runtimes that have no class of error for too little memory.
_SHORT_OF_MEMORY = ("out of memory", "bad_alloc", "bad allocation", "allocate memory", "ALLOC_FAILED")


class Half(StrEnum):
    """The two halves of a model."""

    ENCODER = "encoder"
    DECODER = "decoder"


class Session(Protocol):
    """A network in a runtime: named arrays in, named arrays out.

    The encoder of every model takes ``image``: (1, 3, 1024, 1024) float32, normalised and padded
    (``segmenters.sam.inputs``), and gives the arrays of ``Architecture.outputs`` with a leading 1.

    The decoder takes those arrays and, as the official ONNX export of SAM does (README of segment-anything):

    * ``point_coords`` (1, N, 2) float32, (x, y) in pixels of the 1024 x 1024 canvas, without the half-pixel
      shift, which the network adds;
    * ``point_labels`` (1, N) float32: 1 positive, 0 negative, 2 and 3 the corners of a box, -1 padding;
    * ``mask_input`` (1, 1, 256, 256) float32 low-res logits, read where ``has_mask_input`` (1,) float32 is 1;

    and gives ``low_res_masks`` (1, 4, 256, 256) float32 and ``iou_predictions`` (1, 4) float32: the
    single-mask head at index 0, then the three of a single prompt.
    """

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs of these names. Several threads may call at once; ``inputs`` are never written.

        Raises ``values.errors.DeviceFailed`` when the runtime fails, ``values.errors.ModelError``
        for inputs that it does not take.
        """
        ...


def graph_name(graph: Path | bytes) -> str:
    """The name of an ONNX graph for a sentence."""
    return str(graph) if isinstance(graph, Path) else "an ONNX graph in memory"


def first_line(error: BaseException) -> str:
    """The first line of an error's text, of 300 characters at most."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def device_failure(sentence: str, error: BaseException) -> DeviceFailed:
    """The error to raise for ``error`` of a runtime that computes: ``sentence``, and its first line."""
    said = str(error)
    short = isinstance(error, MemoryError) or any(each in said for each in _SHORT_OF_MEMORY)
    return (OutOfMemory if short else DeviceFailed)(f"{sentence}: {first_line(error)}")
