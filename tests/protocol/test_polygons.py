from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocol.polygons import Ring, filled, polygons

Mask = NDArray[np.bool_]


def rings_of(mask: Mask, epsilon: float = 0.0, min_part: float = 0.0, max_parts: int = 50) -> list[Ring]:
    return polygons(mask, epsilon, min_part, max_parts)


def raster(rings: list[Ring], shape: tuple[int, ...]) -> Mask:
    """Each pixel is on when its centre is inside a ring, by the even-odd rule and exactly."""
    y, x = np.indices(shape) + 0.5
    on = np.zeros(shape, np.bool_)
    for ring in rings:
        inside = np.zeros(shape, np.bool_)
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y0 != y1:
                inside ^= ((y0 <= y) != (y1 <= y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
        on |= inside
    return on


def area(ring: Ring) -> float:
    x, y = ring.T
    return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2


def iou(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / (a | b).sum())


def blob(height: int = 60, width: int = 80) -> Mask:
    y, x = np.indices((height, width))
    on: Mask = ((x - 40) / 30) ** 2 + ((y - 30) / 22) ** 2 + 0.15 * np.sin(x / 4) < 1
    return on


@given(st.lists(st.tuples(st.integers(-500, 4500), st.integers(-500, 3500)), min_size=3, max_size=40))
def test_a_filled_polygon_is_its_inside_and_its_outline(hundredths: list[tuple[int, int]]) -> None:
    ring = np.array(hundredths) / 100
    mask = filled(ring, 40, 30)
    inside = raster([ring], (30, 40))
    assert mask[inside].all()
    outline = np.zeros((30, 40), np.uint8)
    cv2.polylines(outline, [np.round((ring - 0.5) * 16).astype(np.int32)], True, (1,), shift=4)
    assert (mask & ~inside == (outline > 0) & ~inside).all()


@pytest.mark.slow
def test_filling_does_not_compare_edges_with_each_other() -> None:
    """OpenCV's own filling takes ten times as long for half of the points."""
    ring = np.random.default_rng(0).uniform(0, 512, (10_000, 2))
    half = np.round(ring[:5000] * 16).astype(np.int32)
    started = time.thread_time()
    filled(ring, 512, 512)
    ours = time.thread_time()
    cv2.fillPoly(np.zeros((512, 512), np.uint8), [half], (1,), shift=4)
    assert ours - started < time.thread_time() - ours


def test_an_empty_mask_has_none() -> None:
    assert rings_of(np.zeros((5, 5), np.bool_)) == []


def test_a_ring_runs_along_the_outer_edge_of_the_pixels() -> None:
    mask = np.zeros((10, 12), np.bool_)
    mask[2:5, 3:9] = True
    (ring,) = rings_of(mask)
    assert sorted(map(tuple, ring)) == [(3, 2), (3, 5), (9, 2), (9, 5)]


@pytest.mark.parametrize(
    "full", [np.ones((1, 1), np.bool_), np.ones((1, 9), np.bool_), np.ones((7, 5), np.bool_)]
)
def test_thin_and_full_masks(full: Mask) -> None:
    (ring,) = rings_of(full, epsilon=3)
    assert area(ring) == full.size
    assert ring.min() == 0
    assert (ring.max(axis=0) == full.shape[::-1]).all()


def test_a_blob_comes_back() -> None:
    mask = blob()
    (ring,) = rings_of(mask)
    assert iou(raster([ring], mask.shape), mask) > 0.98
    (simple,) = rings_of(mask, epsilon=1)
    assert len(simple) < len(ring) / 2
    assert iou(raster([simple], mask.shape), mask) > 0.95


def test_parts_are_rings_of_their_own_the_largest_first_and_specks_are_dropped() -> None:
    mask = np.zeros((50, 50), np.bool_)
    mask[2:8, 2:8] = True
    mask[20:40, 20:45] = True
    mask[45, 5] = True
    first, second = rings_of(mask, min_part=0.02)
    assert (area(first), area(second)) == (500, 36)
    assert len(rings_of(mask)) == 3
    assert len(rings_of(mask, max_parts=1)) == 1
    assert len(rings_of(mask, min_part=1)) == 1


def test_a_hole_is_cut_open() -> None:
    mask = np.zeros((40, 40), np.bool_)
    mask[5:35, 5:35] = True
    mask[12:20, 15:30] = False
    (ring,) = rings_of(mask)
    assert iou(raster([ring], mask.shape), mask) > 0.99
    # The hole's four corners are cut by half a pixel each.
    assert area(ring) == mask.sum() + 2
    # By the non-zero rule as well, which a canvas fills by: the hole runs the other way.
    assert winding(ring, 22.5, 16.5) == 0
    assert abs(winding(ring, 8.5, 8.5)) == 1


def winding(ring: Ring, x: float, y: float) -> int:
    count = 0
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (y0 <= y) != (y1 <= y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            count += 1 if y1 > y0 else -1
    return count


def test_several_holes_in_a_row_and_an_island_in_one() -> None:
    mask = np.zeros((40, 80), np.bool_)
    mask[4:36, 4:76] = True
    for left in (10, 30, 50):
        mask[10:25, left : left + 12] = False
    mask[28:33, 8:70] = False
    mask[14:20, 33:38] = True
    rings = rings_of(mask)
    assert len(rings) == 2
    assert iou(raster(rings, mask.shape), mask) > 0.99
    for ring in rings:
        assert_cuts_lie_on_the_mask(ring, mask)


def assert_cuts_lie_on_the_mask(ring: Ring, mask: Mask) -> None:
    """No long edge crosses what is off: around any place on it, some pixel is on."""
    padded = np.pad(mask, 1)
    for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        for share in np.linspace(0, 1, 41) if np.abs(end - start).max() > 1 else ():
            x, y = start + share * (end - start)
            around = padded[int(np.ceil(y)) : int(y) + 2, int(np.ceil(x)) : int(x) + 2]
            assert around.any(), (x, y)


def test_small_holes_are_filled() -> None:
    mask = np.ones((40, 40), np.bool_)
    mask[10:12, 10:12] = False
    (ring,) = rings_of(mask, min_part=0.01)
    assert area(ring) == 1600


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.floats(0, 2))
def test_any_mask_gives_rings_inside_the_image(seed: int, epsilon: float) -> None:
    rng = np.random.default_rng(seed)
    coarse = (rng.random((9, 11)) < rng.uniform(0.2, 0.9)).astype(np.uint8)
    mask = cv2.resize(coarse, (88, 72), interpolation=cv2.INTER_NEAREST).astype(np.bool_)
    rings = rings_of(mask, epsilon)
    assert bool(rings) == bool(mask.any())
    for ring in rings:
        assert len(ring) >= 3
        assert (ring >= 0).all()
        assert (ring <= (88, 72)).all()
    if mask.any():
        assert iou(raster(rings, mask.shape), mask) > 0.9


def test_of_a_large_mask_every_second_pixel_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((60, 80), np.bool_)
    mask[11:51, 7:67] = True
    mask[21:31, 27:47] = False
    whole = polygons(mask, 0.5, 0, 9)
    monkeypatch.setattr("protocol.polygons._WHOLE_PIXELS", 100)
    [ring] = polygons(mask, 0.5, 0, 9)
    np.testing.assert_allclose(ring, whole[0], atol=2)
    again = filled(ring, 80, 60)
    assert np.count_nonzero(again & mask) / np.count_nonzero(again | mask) > 0.9
