from __future__ import annotations

from typing import Any

import msgspec
import pytest

from protocol.context_items import Mark, read_marks
from tests.protocol.support import item, items, keypoint, rectangle
from values.errors import BadPrompt, BadRequest
from values.options import PixelLimit


def marks(*given: dict[str, Any]) -> list[Mark]:
    return read_marks(items(*given), 1000, PixelLimit())


def test_a_mark_has_all_its_item_says() -> None:
    (mark,) = marks(keypoint(50, 50, id="k", is_positive=False, item_index=2, image_rotation=90))
    assert mark.name == "item 1 of context.result (keypointlabels, id k)"
    assert (mark.is_positive, mark.label, mark.controls) == (False, "Object", ("prompt",))
    assert (mark.to_name, mark.item_index, mark.size, mark.image_rotation) == ("image", 2, (200, 100), 90)


def test_items_with_one_id_are_one_mark() -> None:
    point = {"x": 50, "y": 50, "width": 0.3}
    found = marks(
        item("labels", {**point, "labels": ["Cat"]}, id="a", from_name="labels", is_positive=False),
        item("keypoint", point, id="a", is_positive=False),
        item("choices", {"choices": ["blurred"]}, id="a", from_name="quality"),
        item("keypoint", point, id="b"),
        item("keypoint", point),
        item("keypoint", point),
    )
    assert len(found) == 4
    assert (found[0].label, found[0].is_positive, found[0].controls) == ("Cat", False, ("labels", "prompt"))
    assert found[0].name == "item 2 of context.result (keypoint, id a)"


def test_items_that_place_nothing_are_skipped_whatever_they_hold() -> None:
    assert (
        marks(
            item("choices", {"choices": 5}, original_width="wide"),
            item("textarea", {"text": ["hello"]}, id={}),
            item("relation", {}),
            item("labels", {"x": 1, "y": 1, "labels": ["Cat"]}),
            {"type": "vectorlabels"},
        )
        == []
    )


@pytest.mark.parametrize(
    ("fields", "value", "positive"),
    [
        ({}, {}, True),
        ({"is_positive": None}, {}, True),
        ({"is_positive": True}, {}, True),
        ({"is_positive": False}, {}, False),
        ({"is_positive": 0}, {}, False),
        ({"is_positive": 1}, {}, True),
        ({}, {"positive": False}, False),
        ({}, {"positive": True}, True),
    ],
)
def test_the_sign_of_a_click(fields: dict[str, Any], value: dict[str, Any], positive: bool) -> None:
    (mark,) = marks(item("keypoint", {"x": 1, "y": 1, **value}, **fields))
    assert mark.is_positive is positive


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ({"rectanglelabels": ["A"]}, "A"),
        ({"labels": ["B"], "rectanglelabels": []}, "B"),
        ({"labels": None}, None),
        ({"rectanglelabels": [""]}, None),
        ({}, None),
    ],
)
def test_the_label(value: dict[str, Any], label: str | None) -> None:
    box = {"x": 1, "y": 1, "width": 5, "height": 5}
    (mark,) = marks(item("rectanglelabels", {**box, **value}))
    assert mark.label == label


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"original_width": None}, "original_width is missing"),
        ({"original_height": "100"}, "original_height"),
        ({"original_width": 0}, "original_width is 0"),
        ({"original_width": -1}, "original_width is -1"),
        ({"original_height": 65536}, "original_height is 65536"),
        ({"original_height": 10.5}, "original_height is 10.5"),
        ({"original_width": 60000, "original_height": 60000}, "over 89 megapixels"),
        ({"image_rotation": "north"}, "image_rotation"),
        ({"item_index": -1}, "item_index is -1"),
        ({"item_index": True}, "item_index"),
        ({"is_positive": "yes"}, "is_positive"),
        ({"to_name": 5}, "to_name"),
        ({"value": 5}, "value"),
        ({"value": None}, "value.x is missing"),
    ],
)
def test_broken_fields_are_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadPrompt) as caught:
        marks(rectangle(0, 0, 5, 5), keypoint(5, 5, id="k") | fields)
    assert caught.value.detail.startswith("item 2 of context.result (keypointlabels, id k): ")
    assert problem in caught.value.detail


def test_a_number_beyond_doubles_is_a_bad_request() -> None:
    given = items(keypoint(5, 5))
    broken = msgspec.structs.replace(given[0], original_width=msgspec.Raw(b"1e999"))
    with pytest.raises(BadRequest, match="out of range at original_width"):
        read_marks([broken], 10, PixelLimit())


def test_only_so_many() -> None:
    with pytest.raises(BadPrompt, match="more than 3 prompts"):
        read_marks(items(*[keypoint(1, 1)] * 4), 3, PixelLimit())
    assert len(read_marks(items(*[keypoint(1, 1, id="a")] * 4), 3, PixelLimit())) == 1


def test_the_limit_of_pixels_is_that_of_images() -> None:
    given = items(keypoint(1, 1, original_width=1000, original_height=1001))
    read_marks(given, 10, PixelLimit(max_image_megapixels=1.001))
    with pytest.raises(BadPrompt, match=r"1000 x 1001, over 1 megapixels \(MAX_IMAGE_MEGAPIXELS\)"):
        read_marks(given, 10, PixelLimit(max_image_megapixels=1))


def test_a_label_is_short_for_each_region_repeats_it() -> None:
    def labelled(label: str) -> dict[str, Any]:
        return item("keypointlabels", {"x": 1, "y": 1, "keypointlabels": [label]})

    assert marks(labelled("l" * 300))[0].label == "l" * 300
    with pytest.raises(BadPrompt, match="has one of over 300 characters"):
        marks(labelled("l" * 301))


def test_names_of_an_item_are_shown_short_and_on_one_line() -> None:
    (mark,) = marks({**keypoint(1, 1), "id": "a\n" + "b" * 100})
    assert len(mark.name) < 130
    assert mark.name.startswith("item 1 of context.result (keypointlabels, id a\\nbb")
