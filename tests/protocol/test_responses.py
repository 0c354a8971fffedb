from __future__ import annotations

import json

import numpy as np
import pytest

from protocol.responses import encode_predict, prediction


def test_no_results() -> None:
    assert encode_predict([]) == b'{"results":[]}'


def test_a_prediction() -> None:
    answer = prediction(
        [{"value": {"rle": np.array([0, 255], np.uint8)}, "score": np.float32(0.5)}], 1.5, "m-1"
    )
    assert json.loads(encode_predict([answer, prediction([], float("nan"), "m-1")])) == {
        "results": [
            {"model_version": "m-1", "score": 1, "result": [{"value": {"rle": [0, 255]}, "score": 0.5}]},
            {"model_version": "m-1", "score": 0, "result": []},
        ]
    }


def test_only_what_a_prediction_holds() -> None:
    with pytest.raises(TypeError, match="object is no part of a prediction"):
        encode_predict([{"result": object()}])
