from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from exports.regions import Regions
from exports.shapes import Shape
from protocol import brush_rle
from testing.annotated import EACH_KIND, HEIGHT, WIDTH, brush, drawn, polygon, rectangle, region
from testing.data_sets import filled
from testing.label_studio_masks import iou


def read(*regions: Any) -> tuple[list[Shape], list[str]]:
    """The shapes of regions, and the sentences about what is none."""
    found = Regions(7, [msgspec.Raw(json.dumps(each).encode()) for each in regions])
    return [each.shape for each in found], [each.sentence for each in found.left_out]


def shape_of(given: Any) -> Shape:
    [shape], left_out = read(given)
    assert not left_out
    return shape


@pytest.mark.parametrize("kind", EACH_KIND)
def test_the_mask_is_what_label_studio_shows(kind: str) -> None:
    known = EACH_KIND[kind]()
    shape = shape_of(known.region)
    assert iou(shape.runs.mask(), known.truth) >= 0.995
    assert shape.runs.area == shape.runs.mask().sum()


@pytest.mark.parametrize("kind", EACH_KIND)
def test_the_parts_are_the_mask_with_its_holes(kind: str) -> None:
    known = EACH_KIND[kind]()
    shape = shape_of(known.region)
    for parts in (shape.parts(0.5), shape.traced(0.5)):
        whole = np.zeros((HEIGHT, WIDTH), np.bool_)
        for part in parts:
            whole |= filled([part.outer, *part.holes], WIDTH, HEIGHT)
        assert iou(whole, known.truth) >= 0.98
        bridged = [filled([part.ring], WIDTH, HEIGHT) for part in parts]
        assert (np.logical_or.reduce(bridged) == whole).all()


def test_a_mask_is_exact() -> None:
    known = brush()
    assert (shape_of(known.region).runs.mask() == known.truth).all()


def test_a_view_that_is_turned_turns_nothing() -> None:
    turned = rectangle().region | {"image_rotation": 90}
    assert (shape_of(turned).runs.mask() == shape_of(rectangle().region).runs.mask()).all()


def test_the_box_of_an_outline_is_the_outlines() -> None:
    assert shape_of(rectangle().region).box == pytest.approx((130, 40, 250.75, 110.25))
    assert shape_of(rectangle().region).upright
    assert not shape_of(rectangle(33).region).upright
    mask = brush()
    rows, columns = np.nonzero(mask.truth)
    assert shape_of(mask.region).box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_what_reaches_over_the_edge_ends_there() -> None:
    value = {"x": -10, "y": -20, "width": 60, "height": 50, "rotation": 20}
    shape = shape_of(region("rectangle", value))
    assert shape.ring is not None
    assert shape.ring.min() >= 0
    assert (shape.ring.max(axis=0) <= (WIDTH, HEIGHT)).all()
    u, v = np.array([np.cos(np.pi / 9), np.sin(np.pi / 9)]), np.array([-np.sin(np.pi / 9), np.cos(np.pi / 9)])
    corner, across, down = np.array([-32.0, -40.0]), 192 * u, 100 * v
    whole = np.array([corner, corner + across, corner + across + down, corner + down]) + 100
    truth = drawn(whole, WIDTH + 200, HEIGHT + 200)[100:-100, 100:-100]
    assert iou(shape.runs.mask(), truth) > 0.99


def test_a_polygon_that_crosses_itself_is_filled_as_a_browser_fills_it() -> None:
    """A pentagram: the canvas of a browser fills its middle too, which is run around twice."""
    turns = np.arange(5) * 2 * 2 * np.pi / 5
    points = np.stack([50 + 40 * np.sin(turns), 50 - 40 * np.cos(turns)], axis=1)
    shape = shape_of(region("polygon", {"points": points.tolist()}))
    assert shape.runs.mask()[HEIGHT // 2, WIDTH // 2]
    [part] = shape.traced(0.5)
    assert filled([part.outer], WIDTH, HEIGHT)[HEIGHT // 2, WIDTH // 2]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (region("brush", {"rle": [1, 2, 3]}), "brush-1: the brush RLE is not that of an image of 320 x"),
        (region("brush", {"rle": "no"}), "region brush-1: expected"),
        (region("brush", {"format": "rle"}), "region brush-1: value.rle is missing"),
        (region("brush", {"rle": brush().region["value"]["rle"][:50]}), "the brush RLE is damaged"),
        (region("bitmask", {"imageDataURL": "data:image/png;base64,AAAA"}), "holds no PNG"),
        (region("bitmask", {}), "value.imageDataURL is missing"),
        (region("polygon", {"points": [[1, 2], [3, 4]]}), "value.points needs at least three points"),
        (region("polygon", {"points": [[1, 1], [2, 2], [3, 3]]}), "region polygon-1 has no pixel inside"),
        (region("polygon", {"points": [[200, 1], [300, 2], [300, 300]]}), "is outside of the picture"),
        (region("rectangle", {"x": 1, "y": 1, "width": 5}), "value.height is missing"),
        (region("rectangle", {"x": 1, "y": 1, "width": 0, "height": 5}), "has no pixel inside the picture"),
        (region("ellipse", {"x": 1, "y": 1, "radiusX": 0, "radiusY": 5}), "leave no area"),
        (rectangle().region | {"original_width": None}, "original_width or original_height is missing"),
        (rectangle().region | {"original_width": 10**6, "original_height": 10**6}, "over 250 megapixels"),
        (rectangle().region | {"original_width": 0}, "is 0, not a whole number from 1"),
        (rectangle().region | {"type": 7}, "result 1: expected"),
        (7, "result 1: expected"),
    ],
)
def test_what_is_broken_is_said_and_the_rest_goes_on(broken: Any, said: str) -> None:
    good = polygon().region | {"id": "good"}
    [shape], [sentence] = read(broken, good)
    assert said in sentence
    assert shape.kind == "polygon"


def test_an_empty_mask_is_none() -> None:
    empty = brush().region
    zeros = np.zeros((HEIGHT, WIDTH), np.bool_)
    empty["value"]["rle"] = brush_rle.encode(zeros).tolist()
    assert read(empty) == ([], ["region brush-1 has no pixel inside the picture; delete it or draw it again"])


def test_points_and_choices_are_no_shapes() -> None:
    point = region("keypoint", {"x": 1, "y": 2, "width": 1})
    choice = {"id": "c", "type": "choices", "from_name": "c", "to_name": "image", "value": {"choices": ["a"]}}
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    found = Regions(7, [msgspec.Raw(json.dumps(each).encode()) for each in (point, choice, relation)])
    assert list(found) == []
    assert (found.points, found.left_out) == (1, [])
