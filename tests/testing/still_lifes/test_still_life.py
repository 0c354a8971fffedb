from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from testing.still_lifes import grounds, outlines, patterns
from testing.still_lifes.canvas import Canvas, Relief
from testing.still_lifes.kinds import KINDS
from testing.still_lifes.noise import Field
from testing.still_lifes.still_life import EACH, StillLife, still_life, still_lifes
from testing.still_lifes.styles import SETS, STYLES

SIZE = (320, 240)

every_kind = pytest.mark.parametrize("kind", KINDS)
every_set = pytest.mark.parametrize("chosen", SETS)
ends = pytest.mark.parametrize("number", [0, EACH - 1])


def lab(life: StillLife) -> NDArray[np.float32]:
    """HxWx3, L 0..100."""
    return np.asarray(cv2.cvtColor(life.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def share(mask: NDArray[np.bool_]) -> float:
    """The long side as a part of the picture's."""
    return max(int(np.ptp(np.flatnonzero(mask.any(axis=axis)))) + 1 for axis in (0, 1)) / max(mask.shape)


def edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])


def grown(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    square = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), square) > 0)


def test_there_is_each_kind_that_is_hard_to_find() -> None:
    assert set(KINDS) == {
        *("shaded", "two-tone", "textured", "large", "small", "touching", "cut"),
        *("dull on busy", "with shadow"),
    }
    assert min(kind.shares[0] for kind in KINDS.values()) == 0.01
    assert max(kind.shares[1] for kind in KINDS.values()) == 0.6


@every_kind
@every_set
def test_a_still_life_is_a_function_of_kind_set_and_number(kind: str, chosen: str) -> None:
    first, again, other = (still_life(kind, chosen, number, (160, 120)) for number in (2, 2, 3))
    assert (first.kind, first.name) == (kind, f"{kind} 2")
    np.testing.assert_array_equal(first.rgb, again.rgb)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert not np.array_equal(first.rgb, other.rgb)


def test_no_two_kinds_are_drawn_alike() -> None:
    corners = [still_life(kind, "tuned", 2, SIZE).rgb[:8, :8].mean(axis=(0, 1)) for kind in KINDS]
    for index, corner in enumerate(corners):
        assert all(np.abs(corner - other).max() > 2 for other in corners[:index])


@every_kind
@every_set
@ends
def test_the_thing_is_one_piece_of_the_right_size_inside_the_picture(
    kind: str, chosen: str, number: int
) -> None:
    life = still_life(kind, chosen, number, SIZE)
    assert (life.rgb.shape, str(life.rgb.dtype)) == ((240, 320, 3), "uint8")
    assert (life.truth.shape, str(life.truth.dtype)) == ((240, 320), "bool")
    assert cv2.connectedComponents(life.truth.astype(np.uint8), connectivity=4)[0] == 2
    assert edge(life.truth).any() == KINDS[kind].beyond
    wanted = KINDS[kind].shares[number > 0]
    if KINDS[kind].beyond:
        assert 0.25 * wanted < share(life.truth) <= wanted + 0.01
    else:  # things among others may have lost a pixel or two to them
        assert share(life.truth) == pytest.approx(wanted, abs=0.015)


def test_a_picture_has_a_size_of_its_set() -> None:
    [life] = still_lifes("tuned", ["small"], [4])
    assert life.rgb.shape[1::-1] == STYLES["tuned"].sizes[4]


def test_the_sets_share_nothing() -> None:
    one, other = STYLES.values()
    for name in ("sizes", "outlines", "patterns", "plain", "busy"):
        assert not set(getattr(one, name)) & set(getattr(other, name))
    assert one.seed != other.seed
    assert one.divide is not other.divide
    used = [*outlines.TUNED, *outlines.REPORTED, *patterns.TUNED, *patterns.REPORTED]
    used += [*grounds.PLAIN_TUNED, *grounds.PLAIN_REPORTED, *grounds.BUSY_TUNED, *grounds.BUSY_REPORTED]
    assert len(used) == len(set(used))


@every_set
def test_the_light_falls_on_one_side_of_what_is_shaded(chosen: str) -> None:
    for number in (3, 5):
        life = still_life("shaded", chosen, number, SIZE)
        darkest, lightest = np.percentile(lab(life)[life.truth][:, 0], [5, 95])
        assert lightest - darkest > 20


@every_set
def test_what_has_two_tones_or_a_texture_has_two_colours(chosen: str) -> None:
    for kind in ("two-tone", "textured"):
        life = still_life(kind, chosen, 5, SIZE)
        colors = lab(life)[life.truth]
        _, _, centers = cv2.kmeans(
            colors, 2, np.zeros((0, 1), np.int32), (3, 20, 1.0), 2, cv2.KMEANS_PP_CENTERS
        )
        assert np.linalg.norm(centers[0] - centers[1]) > 12


@every_set
def test_a_dull_thing_is_greyer_and_calmer_than_its_busy_ground(chosen: str) -> None:
    life = still_life("dull on busy", chosen, 4, SIZE)
    colors = lab(life)
    thing, ground = colors[life.truth], colors[~life.truth]
    assert np.hypot(*thing[:, 1:].mean(axis=0)) < 12
    assert ground.std(axis=0).sum() > 2 * thing.std(axis=0).sum()


@every_set
def test_a_shadow_lies_beside_its_thing_and_is_none_of_it(chosen: str) -> None:
    life = still_life("with shadow", chosen, 5, SIZE)
    lightness = cv2.GaussianBlur(lab(life)[..., 0], (0, 0), 2)
    ring = np.asarray(lightness[grown(life.truth, 12) & ~grown(life.truth, 3)], np.float32)
    darkest, usual = np.percentile(ring, [10, 75])
    assert darkest < 0.75 * usual


@every_set
def test_what_touches_has_the_same_colour_on_the_other_side_of_its_border(chosen: str) -> None:
    life = still_life("touching", chosen, 5, SIZE)
    colors = np.asarray(cv2.GaussianBlur(lab(life), (0, 0), 1.5), np.float32)
    colors = colors[..., 1:]  # without lightness, which the border lowers
    own, ground = (np.median(colors[mask], axis=0) for mask in (life.truth, ~grown(life.truth, 49)))
    beside = grown(life.truth, 7) & ~life.truth
    like = np.linalg.norm(colors - own, axis=2) < 0.4 * np.linalg.norm(ground - own)
    assert 0.1 < like[beside].mean() < 0.95


@every_set
def test_what_lies_on_the_thing_is_none_of_it(chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[NDArray[np.bool_]] = []

    class Noted(Canvas):
        def lay(self, outline: Field, surface: Field, relief: Relief) -> NDArray[np.bool_]:
            laid.append(super().lay(outline, surface, relief))
            return laid[-1]

    monkeypatch.setattr("testing.still_lifes.still_life.Canvas", Noted)
    beneath = covers = 0
    for number in range(EACH):
        laid.clear()
        truth = still_life("touching", chosen, number, SIZE).truth
        [at] = [index for index, mask in enumerate(laid) if not (truth & ~mask).any()]
        later = np.any(laid[at + 1 :], axis=0) if laid[at + 1 :] else np.zeros_like(truth)
        np.testing.assert_array_equal(truth, laid[at] & ~later)
        beneath += at
        covers += np.count_nonzero(laid[at] & later)
    assert beneath
    assert covers


@every_kind
def test_there_is_something_to_see(kind: str) -> None:
    """The thing's colours are not the ground's, or else its ground or its border tells it apart."""
    life = still_life(kind, "tuned", 5, SIZE)
    colors = lab(life)
    inside, outside = (np.median(colors[mask], axis=0) for mask in (life.truth, ~life.truth))
    assert np.linalg.norm(inside - outside) > 8
