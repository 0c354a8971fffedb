"""What /predict answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from protocol.regions import Region, clamp


def prediction(regions: Sequence[Region], score: float, model_version: str) -> dict[str, Any]:
    """One task's prediction. ``score`` is clamped to 0..1, as Label Studio demands of what it stores."""
    return {"model_version": model_version, "score": clamp(score), "result": list(regions)}


def encode_predict(results: Sequence[Mapping[str, Any]]) -> bytes:
    """The JSON body ``{"results": [...]}``, one prediction for each task; arrays become lists of numbers.

    An empty sequence is the answer that asks Label Studio to store nothing.
    """
    return _ENCODER.encode({"results": results})


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no part of a prediction")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
