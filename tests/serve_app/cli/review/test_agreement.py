from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest

from exports.regions import Region, Regions
from protocol import brush_rle
from serve_app.cli.review.agreement import agreement, question
from testing.annotated import HEIGHT, WIDTH, brush, region

Json = Any


def raws(*results: Json) -> list[msgspec.Raw]:
    return [msgspec.Raw(json.dumps(each).encode()) for each in results]


def only(result: Json) -> Region:
    [found] = Regions(1, raws(result))
    return found


def block(left: int, top: int, right: int, bottom: int, **fields: Json) -> Json:
    """A brush region of these pixels."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[top:bottom, left:right] = True
    return region("brush", {"format": "rle", "rle": brush_rle.encode(mask).tolist()}, **fields)


def box(left: int, top: int, right: int, bottom: int) -> Json:
    value = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    scaled = {
        name: 100 * each / (WIDTH if name in ("x", "width") else HEIGHT) for name, each in value.items()
    }
    return region("rectangle", scaled)


def test_a_region_is_asked_for_by_its_box_and_its_middle() -> None:
    asked = [json.loads(bytes(each)) for each in question(only(block(32, 50, 65, 71) | {"item_index": 2}))]
    [upright, click] = asked
    assert upright["value"] == pytest.approx(
        {"x": 10, "y": 25, "width": 100 * 33 / WIDTH, "height": 100 * 21 / HEIGHT}
    )
    x, y = click["value"]["x"] * WIDTH / 100, click["value"]["y"] * HEIGHT / 100
    assert 42 <= x <= 55
    assert y == pytest.approx(60.5)
    assert (upright["type"], click["type"]) == ("rectangle", "keypoint")
    for each in asked:
        assert (each["id"], each["to_name"], each["item_index"]) == ("brush-1", "image", 2)
        assert (each["original_width"], each["original_height"]) == (WIDTH, HEIGHT)


def test_masks_are_compared_by_pixels_and_parts_of_an_answer_belong_together() -> None:
    drawn = only(block(10, 10, 50, 30))
    assert agreement(drawn, raws(block(10, 10, 50, 30))) == 1
    assert agreement(drawn, raws(block(30, 10, 70, 30))) == pytest.approx(1 / 3)
    halves = raws(block(10, 10, 30, 30), block(30, 10, 50, 30, id="other half"))
    assert agreement(drawn, halves) == 1


def test_an_answer_of_nothing_agrees_with_nothing() -> None:
    drawn = only(block(10, 10, 50, 30))
    assert agreement(drawn, []) == 0
    assert agreement(drawn, raws(block(100, 100, 140, 130))) == 0
    assert agreement(drawn, raws({"type": "brush"})) == 0
    other_size = raws(block(10, 10, 50, 30, original_width=WIDTH * 2, original_height=HEIGHT // 2))
    assert agreement(drawn, other_size) == 0


def test_of_a_rectangle_the_boxes_are_compared() -> None:
    drawn = only(box(10, 10, 50, 30))
    assert agreement(drawn, raws(brush().region)) < 1
    cross = raws(block(10, 18, 50, 22), block(28, 10, 32, 30, id="upright"))
    assert agreement(drawn, cross) == pytest.approx(1)
    assert agreement(only(block(10, 10, 50, 30)), raws(box(10, 10, 50, 50))) == pytest.approx(0.5)
    assert agreement(drawn, raws(box(50, 10, 60, 30))) == 0
