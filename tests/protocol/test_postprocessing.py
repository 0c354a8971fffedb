from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from protocol.options import RegionOptions
from protocol.postprocessing import postprocessed
from values.prompt import Prompt

Mask = NDArray[np.bool_]
HEIGHT, WIDTH = 200, 300
FILL = RegionOptions(mask_fill_holes=1)
LARGEST = RegionOptions(mask_largest_part=True)
SMOOTH = RegionOptions(mask_smoothing=0.02)  # of 300: six pixels
ALL = RegionOptions(mask_fill_holes=1, mask_largest_part=True, mask_smoothing=0.02)


def clicks(
    positive: tuple[tuple[float, float], ...] = (), negative: tuple[tuple[float, float], ...] = ()
) -> Prompt:
    """Clicks on the middle of pixels, (x, y)."""
    points = [(x + 0.5, y + 0.5) for x, y in (*positive, *negative)]
    return Prompt.in_pixels((WIDTH, HEIGHT), points, [1] * len(positive) + [0] * len(negative))


def mask_of(*boxes: tuple[int, int, int, int], without: tuple[tuple[int, int, int, int], ...] = ()) -> Mask:
    """Boxes of left, top, right, bottom."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    for left, top, right, bottom in without:
        mask[top:bottom, left:right] = False
    return mask


WHOLE = mask_of((50, 40, 150, 140))
HOLE, PINHOLE = (70, 60, 110, 100), (130, 120, 133, 123)
HOLED = mask_of((50, 40, 150, 140), without=(HOLE, PINHOLE))


def same(one: Mask, other: Mask) -> bool:
    return bool((one == other).all())


def test_nothing_is_done_unless_it_is_asked_for() -> None:
    assert postprocessed(HOLED, clicks(), RegionOptions()) is HOLED


@pytest.mark.parametrize("options", [FILL, LARGEST, SMOOTH, ALL])
def test_the_mask_itself_is_not_written_to(options: RegionOptions) -> None:
    mask = HOLED.copy()
    postprocessed(mask, clicks(), options)
    assert same(mask, HOLED)


def test_holes_are_filled() -> None:
    assert same(postprocessed(HOLED, clicks(), FILL), WHOLE)


def test_holes_are_filled_up_to_a_size() -> None:
    # The hole is 1600 of 10,000 pixels, the pinhole 9.
    pinhole_filled = mask_of((50, 40, 150, 140), without=(HOLE,))
    for share, expected in (
        (0.0008, HOLED),
        (0.0009, pinhole_filled),
        (0.159, pinhole_filled),
        (0.16, WHOLE),
    ):
        assert same(postprocessed(HOLED, clicks(), RegionOptions(mask_fill_holes=share)), expected)


def test_a_hole_with_a_negative_click_stays() -> None:
    kept = mask_of((50, 40, 150, 140), without=(HOLE,))
    assert same(postprocessed(HOLED, clicks(negative=((70, 99),)), FILL), kept)
    assert same(postprocessed(HOLED, clicks(positive=((70, 99),)), FILL), WHOLE)


def test_what_is_open_to_the_picture_s_edge_is_no_hole() -> None:
    frame = mask_of((0, 0, WIDTH, HEIGHT), without=((0, 50, 20, 80), (100, 100, 120, 120)))
    filled = mask_of((0, 0, WIDTH, HEIGHT), without=((0, 50, 20, 80),))
    assert same(postprocessed(frame, clicks(), FILL), filled)


def test_a_hole_that_touches_the_outside_with_a_corner_is_a_hole() -> None:
    """As in the outlines that polygons are made of, whose pixels hang together by corners."""
    mask = mask_of((50, 40, 150, 140), without=((60, 50, 70, 60), (50, 40, 60, 50)))
    assert postprocessed(mask, clicks(), FILL)[55, 65]


def test_the_largest_part_is_kept_by_its_pixels() -> None:
    ring = mask_of((10, 10, 190, 190), without=((12, 12, 188, 188),))
    disc = mask_of((40, 40, 150, 150))
    assert same(postprocessed(ring | disc, clicks(), LARGEST), disc)


def test_parts_that_were_clicked_on_are_kept() -> None:
    first, second, third = (10, 10, 100, 100), (150, 10, 180, 40), (200, 100, 202, 102)
    mask = mask_of(first, second, third)
    assert same(postprocessed(mask, clicks(), LARGEST), mask_of(first))
    assert same(postprocessed(mask, clicks(((201, 101),)), LARGEST), mask_of(first, third))
    assert same(postprocessed(mask, clicks(((20, 20), (201, 101), (160, 20))), LARGEST), mask)
    beside = clicks(((250, 150), (299, 199)), negative=((160, 20),))
    assert same(postprocessed(mask, beside, LARGEST), mask_of(first))


def test_a_click_on_the_picture_s_last_edge_is_on_its_last_pixel() -> None:
    mask = mask_of((10, 10, 100, 100), (295, 195, 300, 200))
    prompt = Prompt(np.array([[1.0, 1.0]]), np.ones(1, np.int32))
    assert same(postprocessed(mask, prompt, LARGEST), mask)


def test_smoothing_evens_out_what_is_narrow_and_moves_no_straight_border() -> None:
    rough = mask_of((50, 40, 250, 140), (120, 10, 123, 40), without=((180, 40, 183, 80),))
    smooth = postprocessed(rough, clicks(), SMOOTH)
    plain = postprocessed(mask_of((50, 40, 250, 140)), clicks(), SMOOTH)
    assert not smooth[:34, :].any()
    assert smooth[60:100, 60:240].all()
    assert np.count_nonzero(smooth ^ plain) < 50  # fillets, of a spike of 90 pixels and a dent of 120
    assert same(plain[:, 70:230], mask_of((50, 40, 250, 140))[:, 70:230])
    assert same(plain[60:120], mask_of((50, 40, 250, 140))[60:120])


def test_how_narrow_is_what_the_setting_says() -> None:
    for width, stays in ((4, False), (9, True)):
        strip = mask_of((50, 0, 50 + width, HEIGHT), (100, 0, 200, HEIGHT))
        assert postprocessed(strip, clicks(), SMOOTH)[100, 50 : 50 + width].any() == stays


def test_smoothing_a_border_at_the_picture_s_edge_leaves_it_there() -> None:
    half = mask_of((0, 0, 150, HEIGHT))
    assert same(postprocessed(half, clicks(), SMOOTH), half)


def test_a_leg_that_was_clicked_on_is_not_smoothed_away() -> None:
    table = mask_of((50, 40, 150, 80), (60, 80, 63, 180), (137, 80, 140, 180))
    smooth = postprocessed(table, clicks(((61, 170),)), SMOOTH)
    assert smooth[90:180, 60:63].all()
    assert not smooth[90:180, 137:140].any()


def test_a_notch_with_a_negative_click_is_not_smoothed_over() -> None:
    notched = mask_of((50, 40, 150, 140), without=((80, 40, 83, 90), (120, 40, 123, 90)))
    smooth = postprocessed(notched, clicks(negative=((81, 80),)), SMOOTH)
    assert not smooth[45:90, 80:83].any()
    assert smooth[60:85, 120:123].all()


@pytest.mark.parametrize("options", [SMOOTH, ALL])
def test_nothing_vanishes_entirely(options: RegionOptions) -> None:
    speck = mask_of((100, 100, 102, 102))
    assert same(postprocessed(speck, clicks(), options), speck)
    nothing = mask_of()
    assert same(postprocessed(nothing, clicks(), options), nothing)


def test_what_was_clicked_stays_right_in_any_mask() -> None:
    chance = np.random.default_rng(5)
    for _ in range(30):
        coarse = chance.random((20, 30)) > chance.uniform(0.3, 0.8)
        mask = np.kron(coarse, np.ones((10, 10), np.bool_))
        places = chance.integers(0, (HEIGHT, WIDTH), (10, 2))
        on = [(int(x), int(y)) for y, x in places if mask[y, x]]
        off = [(int(x), int(y)) for y, x in places if not mask[y, x]]
        done = postprocessed(mask, clicks(tuple(on), tuple(off)), ALL)
        assert all(done[y, x] for x, y in on)
        assert not any(done[y, x] for x, y in off)
