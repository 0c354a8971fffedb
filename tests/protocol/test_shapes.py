from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest

from protocol.item_fields import Fields
from protocol.mask_prompts import read
from protocol.shapes import Area, Point, reader_of
from values.errors import BadPrompt


def shape(kind: str, **value: Any) -> Point | Area:
    raws = msgspec.json.decode(json.dumps(value), type=dict[str, msgspec.Raw])
    reader = reader_of(kind)
    assert reader is not None
    return reader(Fields("item 1", raws, "value."), 200, 100)


def xy(kind: str = "keypointlabels", **value: Any) -> list[float]:
    point = shape(kind, **value)
    assert isinstance(point, Point)
    assert point.xy.dtype == np.float64
    return [float(number) for number in point.xy * (200, 100)]


def box(kind: str, **value: Any) -> list[float]:
    area = shape(kind, **value)
    assert isinstance(area, Area)
    return [float(number) for number in area.read(read).box * (200, 100, 200, 100)]


@pytest.mark.parametrize("kind", ["choices", "textarea", "labels", "relation", "vectorlabels", "", "number"])
def test_other_kinds_have_no_shape(kind: str) -> None:
    assert reader_of(kind) is None


@pytest.mark.parametrize("kind", ["keypoint", "keypointlabels", "KeyPointLabels"])
def test_a_keypoint_keeps_its_fraction_of_a_pixel(kind: str) -> None:
    assert xy(kind, x=10.1, y=20.3, width=0.3) == pytest.approx([20.2, 20.3], abs=1e-9)


@pytest.mark.parametrize(("x", "y"), [(-5, -0.1), (100, 100), (105, 1e5)])
def test_a_keypoint_outside_is_clamped_to_the_picture(x: float, y: float) -> None:
    left, top = xy(x=x, y=y)
    assert left in (0, 200)
    assert top in (0, 100)


def test_a_rectangle() -> None:
    found = box("rectanglelabels", x=10, y=20, width=30, height=40, rotation=0)
    assert found == pytest.approx([20, 20, 80, 60], abs=1e-9)
    assert box("rectangle", x=-10, y=50, width=200, height=100) == [0, 50, 200, 100]


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        # 60 x 40 pixels about its top-left corner at (100, 40), clockwise as seen.
        (90, [60, 40, 100, 100]),
        (180, [40, 0, 100, 40]),
        (270, [100, 0, 140, 40]),
        (360, [100, 40, 160, 80]),
        (-90, [100, 0, 140, 40]),
    ],
)
def test_a_turned_rectangle(turn: float, expected: list[float]) -> None:
    found = box("rectangle", x=50, y=40, width=30, height=40, rotation=turn)
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_rectangle_turned_by_30_degrees_is_turned_in_pixels_not_percent() -> None:
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    expected = [100 - 20 * sin, 20, 100 + 40 * cos, 20 + 40 * sin + 20 * cos]
    assert box("rectangle", x=50, y=20, width=20, height=20, rotation=30) == pytest.approx(expected, abs=1e-9)


def test_an_ellipse() -> None:
    level = box("ellipse", x=50, y=50, radiusX=10, radiusY=30)
    assert level == pytest.approx([80, 20, 120, 80], abs=1e-9)
    turned = box("ellipselabels", x=50, y=50, radiusX=10, radiusY=30, rotation=90)
    assert turned == pytest.approx([70, 30, 130, 70], abs=1e-4)
    reach = math.hypot(20, 30) / math.sqrt(2)
    diagonal = box("ellipselabels", x=50, y=50, radiusX=10, radiusY=30, rotation=45)
    assert diagonal == pytest.approx([100 - reach, 50 - reach, 100 + reach, 50 + reach], abs=1e-4)


def test_a_polygon() -> None:
    area = shape("polygonlabels", points=[[10, 10], [60, 10], [60, 80], [10, 80]], closed=True)
    assert isinstance(area, Area)
    drawn = area.read(read)
    np.testing.assert_allclose(drawn.box, [0.1, 0.1, 0.6, 0.8], rtol=1e-12)
    assert drawn.mask is not None
    assert drawn.mask.shape == (100, 200)
    assert drawn.mask[15:75, 25:115].all()
    assert not drawn.mask[:9].any()
    assert not drawn.mask[:, 122:].any()


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("keypoint", {"y": 1}, "value.x is missing"),
        ("keypoint", {"x": 1, "y": None}, "value.y is missing"),
        ("keypoint", {"x": "1", "y": 1}, "value.x"),
        ("keypoint", {"x": 1e9, "y": 1}, "value.x is 1e+09"),
        ("rectangle", {"x": 1, "y": 1, "width": 5}, "value.height is missing"),
        ("rectangle", {"x": 1, "y": 1, "width": 0, "height": 5}, "no area"),
        ("rectangle", {"x": 110, "y": 1, "width": 5, "height": 5}, "no area"),
        ("rectangle", {"x": 1, "y": 1, "width": 5, "height": 5, "rotation": "x"}, "value.rotation"),
        ("ellipse", {"x": 1, "y": 1, "radiusX": 5}, "value.radiusY is missing"),
        ("ellipse", {"x": 1, "y": 1, "radiusX": 0, "radiusY": 0}, "no area"),
        ("polygon", {}, "value.points needs"),
        ("polygon", {"points": [[1, 2], [3, 4]]}, "value.points needs"),
        ("polygon", {"points": [[1, 2], [3, 4], [5]]}, "value.points[2]"),
        ("polygon", {"points": "M0,0"}, "value.points"),
        ("brush", {"format": "rle"}, "value.rle is missing"),
        ("brush", {"rle": [1, 256]}, "value.rle[1]"),
        ("brush", {"rle": "AAAA"}, "value.rle"),
        ("bitmask", {}, "value.imageDataURL is missing"),
        ("bitmask", {"imageDataURL": 5}, "value.imageDataURL"),
    ],
)
def test_broken_values_are_named(kind: str, value: dict[str, Any], field: str) -> None:
    with pytest.raises(BadPrompt) as caught:
        shape(kind, **value)
    assert caught.value.detail.startswith("item 1: ")
    assert field in caught.value.detail


def test_a_polygon_without_area() -> None:
    area = shape("polygon", points=[[1, 1], [2, 1], [3, 1]])
    assert isinstance(area, Area)
    with pytest.raises(BadPrompt, match="no area"):
        area.read(read)
