"""What comes out of a file is the embedding that went in, or an error; never another embedding."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from embeddings.embedding_file import Damaged, Foreign, Unfit, from_bytes, to_bytes
from tests.embeddings.samples import KEY, SEGMENTER, contents, sample
from values.embedding import Embedding

FILE = to_bytes(KEY, sample())
SIZES = st.integers(1, 10**6)
DTYPES = st.sampled_from([np.float16, np.float32, np.uint8, np.uint16])
ARRAYS = DTYPES.flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0, max_side=4)))
EVIDENCE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=100)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=11)  # too short for __metadata__


def header(**changes: Any) -> bytes:
    """FILE with another signature or other descriptions of its arrays."""
    length = int.from_bytes(FILE[:8], "little")
    found = json.loads(FILE[8 : 8 + length])
    for name, value in changes.items():
        (found if name in found else found["__metadata__"])[name] = value
    return headed(json.dumps(found).encode(), FILE[8 + length :])


def headed(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.slow
@given(st.dictionaries(NAMES, ARRAYS, max_size=4), st.tuples(SIZES, SIZES, SIZES, SIZES), EVIDENCE)
def test_what_goes_in_comes_out(found: dict[str, Any], sizes: tuple[int, int, int, int], told: str) -> None:
    embedding = Embedding(found, SEGMENTER, *sizes, evidence=told)
    assert contents(from_bytes(KEY, SEGMENTER, to_bytes(KEY, embedding))) == contents(embedding)


@pytest.mark.parametrize("view", [lambda x: x.T, lambda x: x[:, ::2], lambda x: x[::-1], np.asfortranarray])
def test_arrays_that_lie_otherwise_in_memory(view: Callable[[Any], Any]) -> None:
    array = view(np.arange(12, dtype=np.float32).reshape(3, 4))
    embedding = replace(sample(), arrays={"x": array})
    assert contents(from_bytes(KEY, SEGMENTER, to_bytes(KEY, embedding))) == contents(embedding)


def test_a_views_buffer_may_be_read_only() -> None:
    array = np.frombuffer(bytes(range(16)), np.float32)
    embedding = replace(sample(), arrays={"x": array})
    assert contents(from_bytes(KEY, SEGMENTER, to_bytes(KEY, embedding))) == contents(embedding)


def test_the_file_is_one_of_safetensors() -> None:
    assert sorted(safetensors.numpy.load(FILE)) == ["b", "features"]


def test_every_truncation_is_found() -> None:
    for length in range(len(FILE)):
        with pytest.raises(Damaged):
            from_bytes(KEY, SEGMENTER, FILE[:length])


def test_every_flipped_bit_is_found() -> None:
    for bit in range(8 * len(FILE)):
        flipped = bytearray(FILE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((Damaged, Foreign)):
            from_bytes(KEY, SEGMENTER, bytes(flipped))


@given(st.binary(max_size=200))
@example(b"")
def test_anything_is_no_embedding(data: bytes) -> None:
    for text in (data, headed(data), FILE + data[:1] + b"x"):
        with pytest.raises(Damaged):
            from_bytes(KEY, SEGMENTER, text)


@pytest.mark.parametrize(
    ("key", "segmenter", "said"),
    [
        ("f" * 40, SEGMENTER, "its key is '0123456789.*' and not 'f{40}'"),
        (KEY, "fake-2", "its segmenter is 'fake-1' and not 'fake-2'"),
    ],
)
def test_of_somebody_else(key: str, segmenter: str, said: str) -> None:
    with pytest.raises(Foreign, match=said):
        from_bytes(key, segmenter, FILE)


def test_of_another_format() -> None:
    with pytest.raises(Foreign, match="its format is '2' and not '1'"):
        from_bytes(KEY, SEGMENTER, header(format="2"))


# Written by version 1 before embeddings had evidence.
WITHOUT_EVIDENCE = (
    "+AAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJzZWdtZW50ZXIiOiJmYWtlLTEiLCJ3aWR0aCI6IjY0MCIsImZvcm1hdCI6IjEi"
    "LCJoZWlnaHQiOiI0ODAiLCJpbnB1dF9oZWlnaHQiOiI3NjgiLCJjaGVja3N1bSI6IjQzYTdhZWU3Iiwia2V5IjoiMDEyMzQ1"
    "Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OSIsImlucHV0X3dpZHRoIjoiMTAyNCJ9LCJ4Ijp7ImR0eXBlIjoi"
    "RjMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX19IAAAwD8AAADA"
)


def test_a_file_of_before_there_was_evidence_is_still_read() -> None:
    found = from_bytes(KEY, SEGMENTER, base64.b64decode(WITHOUT_EVIDENCE))
    assert (found.width, found.arrays["x"].tolist(), found.evidence) == (640, [1.5, -2.0], "")


@pytest.mark.parametrize("told", ["x" * 101, "é", "a\n", "\0"])
def test_what_is_no_evidence_is_not_kept(told: str) -> None:
    with pytest.raises(Unfit, match="its evidence"):
        to_bytes(KEY, replace(sample(), evidence=told))


F32 = {"dtype": "F32", "shape": [1, 2, 3], "data_offsets": [0, 24]}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pickle.dumps(sample()), id="pickle"),
        pytest.param(headed(b"[" * 60_000), id="deep"),
        pytest.param(headed(b"{}"), id="no signature"),
        pytest.param(headed(b"[]"), id="a list"),
        pytest.param(headed(b'{"__metadata__": "x"}'), id="a text for a signature"),
        pytest.param(headed(b'{"__metadata__": {' + b" " * 2**16 + b"}}"), id="a huge header"),
        pytest.param((2**63).to_bytes(8, "little") + b"{}", id="a header without end"),
        pytest.param(header(width="641"), id="another width"),
        pytest.param(header(width="-1"), id="a negative width"),
        pytest.param(header(width="1e3"), id="a width that is none"),
        pytest.param(header(evidence="of another image"), id="another evidence"),
        pytest.param(header(checksum="00000000"), id="another checksum"),
        pytest.param(header(checksum=None), id="no checksum"),
        pytest.param(header(more="x"), id="more in the signature"),
        pytest.param(header(features=F32 | {"shape": [2, 1, 3]}), id="another shape"),
        pytest.param(header(features=F32 | {"dtype": "I32"}), id="integers"),
        pytest.param(header(features=F32 | {"dtype": "BF16", "shape": [12]}), id="unknown to numpy"),
        pytest.param(header(features=F32 | {"shape": [0, 2**62]}), id="a huge shape"),
        pytest.param(header(features=F32 | {"shape": [1] * 70 + [6]}), id="a deep shape"),
        pytest.param(header(features=F32 | {"data_offsets": [0, 2**40]}), id="beyond the end"),
    ],
)
def test_lies(data: bytes) -> None:
    with pytest.raises(Damaged):
        from_bytes(KEY, SEGMENTER, data)


def test_the_files_of_these_lies_would_be_read_if_they_were_true() -> None:
    assert contents(from_bytes(KEY, SEGMENTER, header())) == contents(sample())


@pytest.mark.parametrize(
    "embedding",
    [
        replace(sample(), arrays={"x": np.zeros(3, np.float64)}),
        replace(sample(), arrays={"x": np.zeros(3, ">f4")}),
        replace(sample(), arrays={"x": np.array([None])}),
        replace(sample(), arrays={"__metadata__": np.zeros(3, np.float32)}),
        replace(sample(), arrays={f"{number:0100}": np.zeros(1, np.uint8) for number in range(500)}),
        replace(sample(), width=0),
        replace(sample(), input_height=-1),
    ],
)
def test_what_is_not_kept(embedding: Embedding) -> None:
    with pytest.raises(Unfit):
        to_bytes(KEY, embedding)
