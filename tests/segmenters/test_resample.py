from __future__ import annotations

import threading
import tracemalloc
from random import Random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segmenters import resample
from segmenters.resample import to_mask
from values.masks import Frame


def _noise(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)


def _linear(values: NDArray[np.float32], length: int) -> NDArray[np.float64]:
    """Bilinear interpolation along the last axis with pixel centres at halves, written out plainly."""
    old = values.shape[-1]
    place = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, old - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, old - 1)
    part = place - low
    return np.asarray(values[..., low] * (1 - part) + values[..., high] * part)


def _plainly(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    rows = _linear(values, width)
    return _linear(rows.T.astype(np.float32), height).T


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (3, 5), (64, 64), (300, 200), (4000, 200), (200, 4000), (31, 1)]
)
def test_whole_logits_are_stretched_over_the_image(width: int, height: int) -> None:
    logits = _noise(24, 32)
    mask = to_mask(logits, Frame(None, (24, 32)), width, height)
    expected = _plainly(logits, width, height)
    assert mask.shape == (height, width)
    assert mask.dtype == np.bool_
    clear = np.abs(expected) > 1e-3  # OpenCV interpolates in float32
    np.testing.assert_array_equal(mask[clear], (expected > 0)[clear])


def test_padding_of_the_canvas_is_cut_off_between_the_two_steps() -> None:
    logits = _noise(32, 32)
    mask = to_mask(logits, Frame((128, 128), (80, 128)), 640, 400)
    canvas = _plainly(logits, 128, 128).astype(np.float32)
    expected = _plainly(canvas[:80, :128], 640, 400)
    clear = np.abs(expected) > 1e-3
    np.testing.assert_array_equal(mask[clear], (expected > 0)[clear])
    one_step = _plainly(logits[:20], 640, 400) > 0
    assert np.count_nonzero(one_step != mask) > 0


def test_zero_is_off() -> None:
    assert not to_mask(np.zeros((4, 4), np.float32), Frame(None, (4, 4)), 9, 7).any()


def test_the_reused_buffer_does_not_leak_into_earlier_answers() -> None:
    on, off = np.ones((4, 4), np.float32), -np.ones((4, 4), np.float32)
    frame = Frame(None, (4, 4))
    first = to_mask(on, frame, 50, 40)
    assert not to_mask(off, frame, 50, 40).any()
    assert not to_mask(off, frame, 500, 400).any()
    assert first.all()


def test_threads_do_not_share_the_buffer() -> None:
    frame = Frame(None, (8, 8))
    expected = {seed: to_mask(_noise(8, 8, seed), frame, 200, 100) for seed in range(4)}
    wrong: list[int] = []

    def repeat(seed: int) -> None:
        masks = [to_mask(_noise(8, 8, seed), frame, 200, 100) for _ in range(50)]
        wrong.extend(seed for mask in masks if not np.array_equal(mask, expected[seed]))

    threads = [threading.Thread(target=repeat, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_logits_may_be_read_only() -> None:
    logits = _noise(6, 6)
    logits.flags.writeable = False
    assert to_mask(logits, Frame((12, 12), (6, 12)), 24, 12).shape == (12, 24)


@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.sampled_from([1, 2, 3, 0.5, 1.5, None]), st.sampled_from([1, 2, 3, 0.5, 1.5, None])),
    st.tuples(st.integers(1, 200), st.integers(1, 200)),
    st.randoms(use_true_random=False),
)
def test_a_mask_in_a_part_of_the_image_is_that_of_the_whole_resampled(
    shape: tuple[int, int],
    factors: tuple[float | None, float | None],
    other: tuple[int, int],
    random: Random,
) -> None:
    rows, columns = shape
    height, width = (
        size if factor is None else max(1, round(length * factor))
        for length, factor, size in zip(shape, factors, other, strict=True)
    )
    logits = np.full(shape, -1, np.float32)
    top, left = random.randrange(rows), random.randrange(columns)
    part = logits[top : random.randint(top + 1, rows), left : random.randint(left + 1, columns)]
    part[:] = _noise(part.shape[0], part.shape[1], random.randrange(99))
    whole = cv2.resize(logits, (width, height), interpolation=cv2.INTER_LINEAR)
    mask = to_mask(logits, Frame(None, shape), width, height)
    clear = np.abs(whole) > 1e-4
    np.testing.assert_array_equal(mask[clear], (whole > 0)[clear])


def test_only_the_part_with_the_mask_is_resampled(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []

    def resize(values: NDArray[np.float32], size: tuple[int, int], **more: object) -> object:
        sizes.append(size)
        return whole(values, size, **more)  # type: ignore[call-overload]

    whole = cv2.resize
    monkeypatch.setattr(cv2, "resize", resize)
    logits = np.full((768, 1024), -1, np.float32)
    logits[100:140, 700:720] = 1
    assert np.count_nonzero(to_mask(logits, Frame(None, (768, 1024)), 4000, 3000)) > 12_000
    assert sizes == [(250, 250)]
    to_mask(logits, Frame(None, (768, 1024)), 1021, 769)  # nowhere do pixels begin together
    assert sizes[1] == (1021, 769)


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 40), st.integers(1, 40))
def test_any_size_gives_the_natural_size(width: int, height: int, rows: int, columns: int) -> None:
    assert to_mask(_noise(rows, columns), Frame(None, (rows, columns)), width, height).shape == (
        height,
        width,
    )


@pytest.mark.parametrize("size", [(301, 203), (64, 500), (23, 17)])
@pytest.mark.parametrize("frame", [Frame(None, (24, 32)), Frame((128, 128), (80, 128))])
def test_a_large_mask_is_made_in_strips_and_is_the_same(
    size: tuple[int, int], frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = _noise(24, 32)
    whole = to_mask(logits, frame, *size)
    monkeypatch.setattr(resample, "_KEPT_PIXELS", 0)
    monkeypatch.setattr(resample, "_STRIP_PIXELS", 1000)
    in_strips = to_mask(logits, frame, *size)
    assert np.count_nonzero(in_strips != whole) <= whole.size / 10_000


def test_a_large_mask_takes_little_besides_itself() -> None:
    tracemalloc.start()
    mask = to_mask(np.ones((64, 64), np.float32), Frame(None, (64, 64)), 5000, 5000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mask.all()
    assert peak < 1.9 * mask.nbytes
