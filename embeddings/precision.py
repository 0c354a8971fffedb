"""In which precision an embedding is kept, and in which it is decoded."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from values.embedding import Embedding

Precision = Literal["float32", "float16"]
_LARGEST = float(np.finfo(np.float16).max)


def owned(embedding: Embedding, precision: Precision) -> Embedding:
    """The embedding in memory of our own, its float32 arrays as ``precision``.

    What comes from an encoder are views of Ray's object store: kept, they would fill it. An array with values
    that float16 cannot hold stays as it is.
    """
    arrays = {name: _rounded(array, precision) for name, array in embedding.arrays.items()}
    return replace(embedding, arrays=arrays)


def exact(embedding: Embedding) -> Embedding:
    """The embedding as decoders take it: float16 arrays as float32; others are not copied."""
    arrays = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in embedding.arrays.items()
    }
    return replace(embedding, arrays=arrays)


def _rounded(array: NDArray[np.generic], precision: Precision) -> NDArray[np.generic]:
    if precision == "float16" and array.dtype == np.float32 and bool((np.abs(array) <= _LARGEST).all()):
        return array.astype(np.float16)
    return array.copy()
