from __future__ import annotations

from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from label_studio_sdk.label_interface.control_tags import EllipseValue, RectangleValue
from numpy.typing import NDArray

from exports import shapes
from exports.filling import ellipse_mask
from protocol.fitted_shapes import ellipse, turned_rectangle, upright_rectangle
from protocol.item_fields import Fields

Mask = NDArray[np.bool_]
HEIGHT, WIDTH = 300, 500
TURNS = (0, 7, 30, 44, 46, 60, 85, 90, 120, 173)


def read(value: dict[str, Any]) -> Fields:
    """The value as a stored region has it."""
    raws = {name: msgspec.Raw(msgspec.json.encode(number)) for name, number in value.items()}
    return Fields("region", raws)


def iou(one: Mask, other: Mask) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def box(centre: tuple[float, float], sides: tuple[float, float], degrees: float) -> Mask:
    """The pixels whose middle is in a rectangle."""
    y, x = np.indices((HEIGHT, WIDTH)) + 0.5
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    along = (x - centre[0]) * cos + (y - centre[1]) * sin
    across = (y - centre[1]) * cos - (x - centre[0]) * sin
    inside: Mask = (abs(along) <= sides[0] / 2) & (abs(across) <= sides[1] / 2)
    return inside


def drawn_rectangle(value: dict[str, Any], size: tuple[int, int] = (WIDTH, HEIGHT)) -> Mask:
    """What Label Studio shows for the value."""
    return shapes.rectangle(read(value), *size).runs.mask()


def drawn_ellipse(value: dict[str, Any], size: tuple[int, int] = (WIDTH, HEIGHT)) -> Mask:
    return shapes.ellipse(read(value), *size).runs.mask()


@pytest.mark.parametrize("degrees", TURNS)
def test_a_turned_box_is_found_as_it_was(degrees: float) -> None:
    mask = box((260, 140), (180, 60), degrees)
    value = turned_rectangle(mask)
    assert iou(drawn_rectangle(value), mask) > 0.96
    assert 0 <= value["rotation"] < 360
    sides = value["width"] * WIDTH / 100, value["height"] * HEIGHT / 100
    assert sorted(sides) == pytest.approx([60, 180], abs=2.5)
    RectangleValue.model_validate(value)


def test_its_corner_is_the_top_left_one_before_it_was_turned() -> None:
    value = turned_rectangle(box((260, 140), (180, 60), 30))
    cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
    assert value["rotation"] == pytest.approx(30, abs=1)
    assert value["x"] * WIDTH / 100 == pytest.approx(260 - cos * 90 + sin * 30, abs=2)
    assert value["y"] * HEIGHT / 100 == pytest.approx(140 - sin * 90 - cos * 30, abs=2)


def test_every_pixel_is_inside() -> None:
    chance = np.random.default_rng(3)
    for _ in range(20):
        blob = cv2.GaussianBlur(chance.random((HEIGHT, WIDTH)), (61, 61), 12) > 0.51
        if blob.any():
            value = turned_rectangle(blob)
            corner = np.array([value["x"] * WIDTH, value["y"] * HEIGHT]) / 100
            turn = np.radians(value["rotation"])
            rows, columns = np.nonzero(blob)
            for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
                there = np.stack([columns + right, rows + down], axis=1) - corner
                along = there @ (np.cos(turn), np.sin(turn)) / (value["width"] * WIDTH / 100)
                across = there @ (-np.sin(turn), np.cos(turn)) / (value["height"] * HEIGHT / 100)
                assert min(along.min(), across.min()) > -1e-3
                assert max(along.max(), across.max()) < 1 + 1e-3


def test_an_upright_box_stays_exact() -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[30:90, 50:300] = True
    expected = {"x": 10, "y": 10, "width": 50, "height": 20, "rotation": 0}
    assert upright_rectangle(mask) == pytest.approx(expected)
    assert turned_rectangle(mask) == upright_rectangle(mask)


def test_one_pixel_and_one_row() -> None:
    for rows, columns in ((slice(7, 8), slice(9, 10)), (slice(7, 8), slice(0, WIDTH)), (slice(None), 499)):
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        mask[rows, columns] = True
        assert turned_rectangle(mask) == upright_rectangle(mask)
        assert ellipse(mask)["radiusX"] > 0


@pytest.mark.parametrize("size", [(1000, 100), (100, 1000)])
def test_what_label_studio_would_not_accept_is_written_another_way(size: tuple[int, int]) -> None:
    """A side across is in percent of the picture's width, which the diagonal is longer than."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    cv2.line(mask, (0, 0), (width - 1, height - 1), (1,), 9)
    value = turned_rectangle(mask.astype(np.bool_))
    RectangleValue.model_validate(value)
    assert value == upright_rectangle(mask.astype(np.bool_))
    steep = np.zeros((height, width), np.uint8)
    cv2.line(steep, (width // 2 - 20, height // 2 - 45), (width // 2 + 20, height // 2 + 45), (1,), 9)
    value = turned_rectangle(steep.astype(np.bool_))
    RectangleValue.model_validate(value)
    assert value["rotation"] != 0
    assert iou(drawn_rectangle(value, size), steep > 0) > 0.85


@pytest.mark.parametrize("degrees", TURNS)
@pytest.mark.parametrize("radii", [(90.0, 40.0), (60.0, 55.0)])
def test_a_turned_ellipse_is_found_as_it_was(degrees: float, radii: tuple[float, float]) -> None:
    mask = ellipse_mask((230.4, 150.7), radii, degrees, WIDTH, HEIGHT)
    value = ellipse(mask)
    assert iou(drawn_ellipse(value), mask) > 0.99
    assert value["x"] * WIDTH / 100 == pytest.approx(230.4, abs=0.2)
    assert value["y"] * HEIGHT / 100 == pytest.approx(150.7, abs=0.2)
    EllipseValue.model_validate(value)


def test_an_ellipse_has_the_area_of_its_mask() -> None:
    """Also where the moments are those of something larger: a speck far away, a thin bow."""
    mask = ellipse_mask((150, 150), (60, 40), 20, WIDTH, HEIGHT)
    mask[290:300, 480:500] = True
    value = ellipse(mask)
    area = np.pi * value["radiusX"] * WIDTH / 100 * value["radiusY"] * HEIGHT / 100
    assert area == pytest.approx(np.count_nonzero(mask), rel=1e-6)
    own = 4 * np.pi * np.sqrt(np.linalg.det(np.cov(np.nonzero(mask))))
    longer = float(np.sqrt(own / area))
    as_moments_say = {**value, **{name: longer * value[name] for name in ("radiusX", "radiusY")}}
    assert longer > 1.2
    assert iou(drawn_ellipse(value), mask) > iou(drawn_ellipse(as_moments_say), mask) + 0.05


def test_a_box_gives_the_ellipse_of_its_area() -> None:
    mask = box((250, 150), (200, 100), 25)
    assert iou(drawn_ellipse(ellipse(mask)), mask) > 0.83


def test_radii_beyond_half_of_the_picture_are_cut() -> None:
    whole = np.ones((HEIGHT, WIDTH), np.bool_)
    assert ellipse(whole) == pytest.approx({"x": 50, "y": 50, "radiusX": 50, "radiusY": 50, "rotation": 0})


def test_a_radius_is_in_percent_of_the_side_that_it_lies_along() -> None:
    """The way that is most upright has a radius of over half of the narrow picture; another is written."""
    mask = ellipse_mask((50, 500), (55, 20), 40, 100, 1000)
    value = ellipse(mask)
    EllipseValue.model_validate(value)
    assert iou(drawn_ellipse(value, (100, 1000)), mask) > 0.97
