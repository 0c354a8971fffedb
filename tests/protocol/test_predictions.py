from __future__ import annotations

import json
import math

import numpy as np
import pytest

from protocol.predictions import (
    CHUNK,
    clamp,
    encode_no_predictions,
    encode_predict,
    prediction,
    written_length,
)


def test_no_results() -> None:
    assert encode_predict([]) == b'{"results":[]}'
    assert encode_no_predictions(0) == b'{"results":[]}'
    assert encode_no_predictions(2) == b'{"results":[[],[]]}'


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


@pytest.mark.parametrize(
    ("score", "clamped"),
    [(0.5, 0.5), (1.02, 1), (-3, 0), (math.nan, 0), (math.inf, 0), (np.float32(0.25), 0.25)],
)
def test_scores_are_clamped(score: float, clamped: float) -> None:
    assert clamp(score) == clamped
    assert isinstance(clamp(score), float)


def test_only_what_a_prediction_holds() -> None:
    with pytest.raises(TypeError, match="object is no part of a prediction"):
        encode_predict([{"result": object()}])


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_long_list_of_numbers_is_written_in_pieces_and_reads_the_same(count: int) -> None:
    rle = np.random.default_rng(count).integers(0, 256, count).astype(np.uint8)
    body = encode_predict([prediction([{"value": {"rle": rle}}], 1, "m-1")])
    assert json.loads(body)["results"][0]["result"][0]["value"]["rle"] == rle.tolist()


def test_how_long_it_will_be_is_known_before() -> None:
    rle = np.full(100_000, 255, np.uint8)
    results = [prediction([{"value": {"rle": rle, "format": "rle"}}, {"value": "no array"}], 1, "m-1")]
    numbers = len(encode_predict([{"rle": rle}])) - len('{"results":[{"rle":[]}]}') + 1
    assert written_length(results) == numbers + 80
    assert written_length([prediction([], 0, "m-1")] * 1000) == 80 * 1000
    corners = [[1.5, 2.5]] * 100
    assert written_length([prediction([{"value": {"points": corners}}], 0, "m-1")]) == 4000 + 80
