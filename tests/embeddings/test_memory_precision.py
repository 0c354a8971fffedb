from __future__ import annotations

import numpy as np

from embeddings.memory import exact, owned
from values.embedding import Embedding


def embedding(**arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Embedding:
    return Embedding(arrays, "fake-1", 10, 10, 10, 10)


def test_what_is_kept_is_a_copy() -> None:
    features = np.arange(4, dtype=np.float32)
    kept = owned(embedding(features=features), "float32")
    features[:] = 9
    np.testing.assert_array_equal(kept.arrays["features"], [0, 1, 2, 3])


def test_half_the_bytes_and_nearly_the_same_values() -> None:
    features = np.random.default_rng(0).normal(size=(1, 8, 4, 4)).astype(np.float32)
    kept = owned(embedding(features=features), "float16")
    assert kept.nbytes * 2 == features.nbytes
    back = exact(kept).arrays["features"]
    assert back.dtype == np.float32
    assert float(np.abs(np.asarray(back, np.float32) - features).max()) < 2e-3


def test_only_floats_are_rounded_and_only_those_that_fit() -> None:
    lab, large = np.zeros((2, 2), np.uint8), np.array([1e6], np.float32)
    kept = owned(embedding(lab=lab, large=large), "float16")
    assert kept.arrays["lab"].dtype == np.uint8
    assert kept.arrays["large"].dtype == np.float32
    assert owned(embedding(nan=np.array([np.nan], np.float32)), "float16").arrays["nan"].dtype == np.float32


def test_exact_copies_nothing_that_is_exact() -> None:
    features = np.zeros(4, np.float32)
    assert exact(embedding(features=features)).arrays["features"] is features
