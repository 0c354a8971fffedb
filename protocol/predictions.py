"""Predictions: what /predict answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from values.click_answer import Region

CHUNK = 32_768
"""Numbers that are written in one go: a millisecond, during which no other thread of the process runs."""


_NUMBER, _POINT, _PREDICTION = 4, 40, 80  # characters


def prediction(regions: Sequence[Region], score: float, model_version: str) -> dict[str, Any]:
    """One task's prediction. ``score`` is clamped to 0..1, as Label Studio demands of what it stores."""
    return {"model_version": model_version, "score": clamp(score), "result": list(regions)}


def clamp(score: float) -> float:
    """A score as Label Studio stores it: 0..1, and 0 for what is not finite."""
    return min(1.0, max(0.0, float(score))) if math.isfinite(score) else 0.0


def encode_predict(results: Sequence[Mapping[str, Any]]) -> bytes:
    """The JSON body ``{"results": [...]}``, one prediction for each task; arrays become lists of numbers.

    A mask of many megapixels takes tens of milliseconds: see ``written_length``.
    """
    return _ENCODER.encode({"results": results})


def encode_regions(regions: Sequence[Region]) -> bytes:
    """The JSON of a prediction's ``result`` alone."""
    return _ENCODER.encode(regions)


def encode_no_predictions(tasks: int) -> bytes:
    """The body for so many tasks that asks Label Studio to store nothing: an empty list for each.

    Where the list of results itself is empty, Label Studio 1.13 and newer log an error
    (``_get_predictions_from_ml_backend`` in ml/models.py), and they store a prediction without regions. Older
    ones, from 1.4 on, store nothing either way.
    """
    return _ENCODER.encode({"results": [[]] * tasks})


def written_length(results: Sequence[Mapping[str, Any]]) -> int:
    """About how many characters these predictions have in the body, by their arrays and points."""
    values = (region.get("value") for each in results for region in each["result"])
    fields = [field for value in values if isinstance(value, dict) for field in value.values()]
    numbers = sum(field.size for field in fields if isinstance(field, np.ndarray))
    points = sum(len(field) for field in fields if isinstance(field, list))
    return _NUMBER * numbers + _POINT * points + _PREDICTION * len(results)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.size > CHUNK:
        chunks = (value[start : start + CHUNK].tolist() for start in range(0, value.size, CHUNK))
        return msgspec.Raw(b"[" + b",".join(_ENCODER.encode(chunk)[1:-1] for chunk in chunks) + b"]")
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no part of a prediction")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)
