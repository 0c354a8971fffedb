from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from protocol.brush_rle import ENCODED_LIMIT, bounds, decode, encode
from testing.brush_converter import decode_rle, mask2rle
from values.errors import BadPrompt

Mask = NDArray[np.bool_]

masks = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))
runs = st.lists(
    st.one_of(st.integers(1, 70), st.sampled_from([2, 4, 64, 16383, 16384, 16385, 32768, 32769, 70000])),
    min_size=1,
    max_size=8,
)


def assert_same_as_sdk(mask: Mask) -> None:
    ours = encode(mask)
    assert ours.dtype == np.uint8
    assert ours.tolist() == mask2rle(mask.astype(np.uint8) * 255)
    assert (decode(ours.tobytes(), *mask.shape) == mask).all()


@given(masks)
def test_any_small_mask_is_byte_for_byte_the_sdks(mask: Mask) -> None:
    assert_same_as_sdk(mask)


@pytest.mark.slow
@given(runs, st.booleans())
def test_any_run_lengths_are_byte_for_byte_the_sdks(lengths: list[int], first: bool) -> None:
    """Runs over 65536 bytes, which is 16384 pixels, are split."""
    values = [first ^ bool(index % 2) for index in range(len(lengths))]
    assert_same_as_sdk(np.repeat(values, lengths).reshape(1, -1))


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((1, 1), np.bool_),
        np.ones((1, 1), np.bool_),
        np.ones((3, 5), np.bool_),
        np.zeros((300, 301), np.bool_),
        np.ones((300, 301), np.bool_),
        np.eye(64, dtype=np.bool_),
        np.indices((32, 32)).sum(axis=0) % 2 == 0,
        np.eye(40, dtype=np.bool_)[:, ::-1],
        np.asfortranarray(np.tri(30, 50, dtype=np.bool_)),
    ],
)
def test_edge_masks(mask: Mask) -> None:
    assert_same_as_sdk(mask)


def test_known_bytes() -> None:
    """As seen from the SDK and from Label Studio's editor."""
    assert encode(np.zeros((1, 1), np.bool_)).tolist() == [0, 0, 0, 4, 57, 27, 252, 96, 0]
    assert encode(np.ones((3, 5), np.bool_)).tolist() == [0, 0, 0, 60, 57, 27, 254, 59, 255, 0]


@pytest.mark.parametrize(
    "mask", [np.zeros((0, 3), np.bool_), np.zeros(4, np.bool_), np.zeros((2, 2), np.uint8)]
)
def test_only_masks_are_encoded(mask: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="a mask is HxW bool"):
        encode(mask)  # type: ignore[arg-type]


def packed(rgba: list[int], items: list[tuple[bool, int, int]]) -> bytes:
    """RLE of RGBA bytes, cut into (is a run, size index, length) items, as other packers write it."""
    sizes = (3, 4, 8, 16)
    bits = f"{len(rgba):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    at = 0
    for is_run, size, length in items:
        bits += f"{int(is_run)}{size:02b}{length - 1:0{sizes[size]}b}"
        bits += "".join(f"{value:08b}" for value in (rgba[at : at + 1] if is_run else rgba[at : at + length]))
        at += length
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


@pytest.mark.slow
@settings(max_examples=50)
@given(st.data())
def test_decodes_literals_and_runs_of_any_colour_by_alpha(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    rgba: list[int] = []
    items: list[tuple[bool, int, int]] = []
    total = height * width * 4
    while len(rgba) < total:
        size = data.draw(st.integers(0, 3))
        length = min(data.draw(st.integers(1, 8)), total - len(rgba))
        is_run = data.draw(st.booleans())
        words = data.draw(st.lists(st.sampled_from([0, 1, 128, 255]), min_size=length, max_size=length))
        rgba += words[:1] * length if is_run else words
        items.append((is_run, size, length))
    rle = packed(rgba, items)
    assert decode_rle(list(rle)).tolist() == rgba
    expected = np.array(rgba).reshape(height, width, 4)[..., 3] != 0
    assert (decode(rle, height, width) == expected).all()


GOOD = encode(np.tri(20, 30, dtype=np.bool_)).tobytes()


@pytest.mark.parametrize(
    ("rle", "sentence"),
    [
        (b"", "not that of an image of 30 x 20"),
        (GOOD[:5], "not that of an image"),
        (b"\xff\xff\xff\xff" + GOOD[4:], "not that of an image"),
        (encode(np.ones((21, 30), np.bool_)).tobytes(), "not that of an image"),
        (GOOD[:4] + b"\xff" + GOOD[5:], "8-bit words"),
        (GOOD[: len(GOOD) // 2], "damaged"),
        (GOOD[:7], "damaged"),
        (GOOD[:7] + b"\xff" * 40, "damaged"),
        (bytes(ENCODED_LIMIT + 1), "over the limit"),
    ],
)
def test_refuses_damaged_rle(rle: bytes, sentence: str) -> None:
    with pytest.raises(BadPrompt, match=sentence):
        decode(rle, 20, 30)


@given(st.binary(max_size=60))
def test_garbage_gives_a_mask_or_a_sentence(noise: bytes) -> None:
    for rle in (noise, GOOD[:7] + noise, GOOD[:20] + noise + GOOD[20 + len(noise) :]):
        with contextlib.suppress(BadPrompt):
            assert decode(rle, 20, 30).shape == (20, 30)


def test_a_mask_is_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(0).random((37, 41)) > 0.7
    whole = encode(mask)
    for most in (1, 2, 7, 41, 37 * 41 - 1, 37 * 41):
        monkeypatch.setattr("protocol.brush_rle._COMPARED", most)
        np.testing.assert_array_equal(encode(mask), whole)


def edges(mask: Mask) -> list[float] | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    height, width = mask.shape
    return [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]


@given(masks)
def test_the_bounds_are_those_of_the_mask(mask: Mask) -> None:
    box = bounds(encode(mask).tobytes(), *mask.shape)
    assert (None if box is None else box.tolist()) == edges(mask)


def test_the_bounds_of_a_literal_and_of_what_is_no_rle() -> None:
    """As other writers make them: 16 bytes of 2 x 2 pixels, of which the lower right one is on."""
    literal = f"{16:032b}" + f"{7 << 16 | 2 << 12 | 3 << 8 | 7 << 4 | 15:021b}" + "0" + "10" + f"{15:08b}"
    literal += "".join(f"{value:08b}" for value in (*[0] * 12, 255, 255, 255, 255))
    literal = literal.ljust(-(-len(literal) // 8) * 8, "0")
    rle = int(literal, 2).to_bytes(len(literal) // 8, "big")
    assert decode(rle, 2, 2).tolist() == [[False, False], [False, True]]
    box = bounds(rle, 2, 2)
    assert box is not None
    assert box.tolist() == [0.5, 0.5, 1, 1]
    for other in (b"", rle[:-3], rle[:4] + b"\0" + rle[5:]):
        with pytest.raises(BadPrompt):
            bounds(other, 2, 2)
