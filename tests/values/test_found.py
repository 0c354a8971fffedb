from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embeddings.embedding_file import Foreign, from_bytes, to_bytes
from tests.finders.samples import EAST, NORTH, found_of
from values.embedding import Embedding
from values.found import MOST, Found, Malformed

KEY = "0" * 40
ARRAYS = ("boxes", "objectness", "vectors", "shift", "scale")


@pytest.mark.parametrize("vectors", [[EAST, NORTH], [EAST], []])
def test_what_is_found_is_kept_as_an_embedding_is(vectors: list[Any]) -> None:
    found = found_of(vectors)
    data = to_bytes(KEY, found.as_embedding())
    back = Found.from_embedding(from_bytes(KEY, "test", data))
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
        assert getattr(back, name).dtype == getattr(found, name).dtype
    for name in ("finder", "width", "height", "input_width", "input_height", "evidence"):
        assert getattr(back, name) == getattr(found, name)
    assert len(back) == len(vectors)


def test_what_another_detector_found_is_foreign() -> None:
    data = to_bytes(KEY, found_of([EAST]).as_embedding())
    with pytest.raises(Foreign, match="its segmenter is 'test'"):
        from_bytes(KEY, "owlv2_base-1", data)


def test_what_is_kept_of_an_image_is_small() -> None:
    found = Found(
        np.zeros((MOST, 4), np.float32),
        np.zeros(MOST, np.float32),
        np.zeros((MOST, 512), np.float16),
        np.zeros(MOST, np.float32),
        np.zeros(MOST, np.float32),
        "owlv2_base",
        *(640, 480, 960, 720),
    )
    assert found.nbytes == 315_600


def altered(name: str, array: Any) -> Embedding:
    kept = found_of([EAST, NORTH]).as_embedding()
    return replace(kept, arrays={**kept.arrays, name: array})


TWO = [[0.1, 0.1, 0.3, 0.3]] * 2


@pytest.mark.parametrize(
    ("name", "array", "expected"),
    [
        ("more", np.zeros(2), "it has the arrays boxes, more"),
        ("vectors", np.zeros((2, 2), np.float32), "its vectors are of float32"),
        ("vectors", np.zeros((3, 2), np.float16), r"its vectors have the shape \(3, 2\) beside 2 boxes"),
        ("vectors", np.zeros(2, np.float16), r"its vectors have the shape \(2,\)"),
        ("scale", np.zeros(3, np.float32), r"its scale have the shape \(3,\)"),
        ("objectness", np.zeros((), np.float32), "shape"),
        ("shift", np.array([0, np.nan], np.float32), "its shift are not all finite"),
        ("boxes", np.array([TWO[0], [0, 0, 1.5, 1]], np.float32), "not all within the picture"),
        ("boxes", np.array([TWO[0], [0.5, 0, 0.5, 1]], np.float32), "not all within the picture"),
    ],
)
def test_other_arrays_are_refused(name: str, array: Any, expected: str) -> None:
    with pytest.raises(Malformed, match=expected):
        Found.from_embedding(altered(name, array))


def test_more_boxes_than_are_kept_are_refused() -> None:
    count = MOST + 1
    many = found_of([EAST] * count, boxes=[TWO[0]] * count)
    with pytest.raises(Malformed, match="it has 301 boxes, and 300 are the most"):
        Found.from_embedding(many.as_embedding())


def test_an_embedding_of_a_segmenter_is_not_found_boxes() -> None:
    with pytest.raises(Malformed, match="it has the arrays image_embeddings"):
        Found.from_embedding(Embedding({"image_embeddings": np.zeros(3, np.float32)}, "sam", 1, 1, 1, 1))
