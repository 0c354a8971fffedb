from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from protocol import bitmask, brush_rle
from protocol.bodies.predict import Item
from protocol.item_fields import CORNER_LIMIT
from protocol.mask_prompts import read
from protocol.prompts import MultiBox, read_pointed
from tests.protocol.support import capture, item, items, keypoint, rectangle
from values.errors import BadPrompt
from values.options import PixelLimit
from values.prompt import Prompt

MASK = np.zeros((100, 200), np.bool_)
MASK[10:40, 20:70] = True


def prompts(
    given: list[Item], multi_box: MultiBox = "last", pixels: PixelLimit | None = None
) -> tuple[Prompt, ...]:
    pointed = read_pointed(given, read, multi_box, pixels)
    return () if pointed is None else pointed.prompts


def one(*given: dict[str, Any], multi_box: MultiBox = "last") -> Prompt:
    (prompt,) = prompts(items(*given), multi_box)
    return prompt


def captured(name: str) -> Prompt:
    return one(*capture(name)["params"]["context"]["result"])


def test_real_clicks() -> None:
    prompt = captured("browser_third")
    expected = [[47.97230, 52.96736], [9.99011, 90.05935], [52.12661, 54.59941]]
    np.testing.assert_allclose(prompt.points, np.array(expected) / 100, rtol=1e-5)
    assert prompt.points.dtype == np.float64
    assert prompt.labels.tolist() == [1, 0, 1]
    assert prompt.labels.dtype == np.int32
    assert prompt.box is None
    assert prompt.mask is None


def test_real_rectangle() -> None:
    prompt = captured("browser_rectangle")
    value = capture("browser_rectangle")["params"]["context"]["result"][0]["value"]
    x, y = value["x"] / 100, value["y"] / 100
    assert prompt.box is not None
    np.testing.assert_allclose(prompt.box, [x, y, x + value["width"] / 100, y + value["height"] / 100])
    assert prompt.box.dtype == np.float64
    assert prompt.count == 1


def test_exif_turned_image_keeps_the_displayed_frame() -> None:
    pointed = read_pointed(items(*capture("api_exif6")["params"]["context"]["result"]), read)
    assert pointed is not None
    assert (pointed.width, pointed.height) == (720, 960)
    np.testing.assert_allclose(pointed.prompts[0].points, [[0.56, 0.47]], rtol=1e-6)


def test_rotation_of_the_view_turns_nothing() -> None:
    plain, turned = one(keypoint(30, 40)), one(keypoint(30, 40, image_rotation=90))
    assert (plain.points == turned.points).all()


def test_nothing_pointed_at() -> None:
    assert read_pointed([], read) is None
    assert prompts(items(item("choices", {"choices": ["a"]}))) == ()


def test_only_negative_clicks_ask_for_no_mask() -> None:
    pointed = read_pointed(items(keypoint(1, 1, is_positive=False)), read)
    assert pointed is not None
    assert pointed.prompts == ()
    assert one(keypoint(1, 1, is_positive=False), rectangle(0, 0, 50, 50)).labels.tolist() == [0]


def test_points_and_box_together_are_one_prompt() -> None:
    prompt = one(keypoint(50, 50), rectangle(10, 10, 20, 20), keypoint(1, 1, is_positive=False))
    assert prompt.points.tolist() == [[0.5, 0.5], [0.01, 0.01]]
    assert prompt.labels.tolist() == [1, 0]
    np.testing.assert_allclose(prompt.box, [0.1, 0.1, 0.3, 0.3])  # type: ignore[arg-type]


def test_the_newest_of_several_boxes_wins() -> None:
    prompt = one(rectangle(10, 10, 20, 20), keypoint(15, 15), rectangle(50, 50, 10, 10))
    np.testing.assert_allclose(prompt.box, [0.5, 0.5, 0.6, 0.6])  # type: ignore[arg-type]
    assert len(prompt.points) == 1


def test_each_box_takes_the_clicks_inside_it_and_the_newest_those_inside_none() -> None:
    first, second = prompts(
        items(
            keypoint(15, 15),
            rectangle(10, 10, 20, 20),
            keypoint(90, 90, is_positive=False),
            rectangle(20, 20, 40, 40),
            keypoint(25, 25),
            keypoint(50, 50),
        ),
        "each",
    )
    assert first.points.tolist() == [[0.15, 0.15], [0.25, 0.25]]
    assert second.points.tolist() == [[0.9, 0.9], [0.25, 0.25], [0.5, 0.5]]
    assert second.labels.tolist() == [0, 1, 1]
    np.testing.assert_allclose(first.box, [0.1, 0.1, 0.3, 0.3])  # type: ignore[arg-type]


def test_only_so_many_masks_and_pixels_of_them_are_asked_for_at_once() -> None:
    """A decoder has a thread at work for each mask, and others click as well."""
    box = rectangle(10, 10, 20, 20)
    assert len(prompts(items(*[box] * 50), "each")) == 50
    with pytest.raises(BadPrompt, match="over 50 boxes in one request"):
        prompts(items(*[box] * 51), "each")
    large = {**box, "original_width": 8900, "original_height": 10_000}
    assert len(prompts(items(*[large] * 8), "each")) == 8
    with pytest.raises(BadPrompt, match="over 8 boxes in one request"):
        prompts(items(*[large] * 9), "each")
    assert len(prompts(items(*[large] * 999), "last")) == 1


def test_only_so_many_clicks_are_decoded_at_once() -> None:
    """A thousand take a decoder half a minute."""
    click, box = keypoint(15, 15), rectangle(10, 10, 20, 20)
    assert len(one(*[click] * 64).points) == 64
    for multi_box in ("last", "each"):
        with pytest.raises(BadPrompt, match="over 64 clicks for one mask; accept the region"):
            prompts(items(*[click] * 65, box), multi_box)
    assert len(prompts(items(*[click] * 64, *[box] * 4), "each")) == 4
    with pytest.raises(BadPrompt, match="over 256 clicks in boxes"):
        prompts(items(*[click] * 64, *[box] * 5), "each")


def test_each_without_boxes_is_one_prompt() -> None:
    assert len(one(keypoint(1, 1), keypoint(2, 2), multi_box="each").points) == 2


def drawn_items() -> list[dict[str, Any]]:
    rle = brush_rle.encode(MASK).tolist()
    return [
        item("brushlabels", {"format": "rle", "rle": rle, "brushlabels": ["A"]}),
        item("brush", {"maskDataURL": white_png()}),
        item("bitmasklabels", {"imageDataURL": bitmask.data_url(MASK), "bitmasklabels": ["A"]}),
        item("polygonlabels", {"points": [[10, 10], [35, 10], [35, 40], [10, 40]], "closed": True}),
    ]


def white_png() -> str:
    """White where the mask is: the editor's own export has a palette of its own."""
    png = bytearray(bitmask.png(MASK))
    at = png.index(b"PLTE")
    png[at + 7 : at + 10] = b"\xff\xff\xff"
    png[at + 10 : at + 14] = zlib.crc32(png[at : at + 10]).to_bytes(4, "big")
    return "data:image/png;base64," + base64.b64encode(png).decode()


@pytest.mark.parametrize("given", drawn_items(), ids=lambda given: given["type"])
def test_a_drawn_mask_is_a_mask_prompt_and_its_box(given: dict[str, Any]) -> None:
    prompt = one(given, keypoint(1, 1))
    np.testing.assert_allclose(prompt.box, [0.1, 0.1, 0.35, 0.4])  # type: ignore[arg-type]
    assert prompt.mask is not None
    assert prompt.mask.shape == (100, 200)
    assert np.abs(prompt.mask - MASK).mean() < 0.01
    assert prompt.count == 3


def test_a_damaged_mask_names_its_item() -> None:
    broken = item("brushlabels", {"rle": [1, 2, 3]}, id="b1")
    with pytest.raises(BadPrompt, match=r"item 2 of context.result \(brushlabels, id b1\): the brush RLE"):
        prompts(items(keypoint(1, 1), broken))


def test_only_so_many_masks_are_decoded() -> None:
    brush = drawn_items()[0]
    assert len(prompts(items(*[brush] * 16), "each")) == 16
    with pytest.raises(BadPrompt, match="more than 16 drawn masks"):
        prompts(items(*[brush] * 17), "each")
    assert len(prompts(items(*[brush] * 17), "last")) == 1


def test_large_masks_are_fewer() -> None:
    """Decoding takes time by the pixel: four of the largest that one image may have."""
    brush, limit = drawn_items()[0], PixelLimit(max_image_megapixels=0.02)
    assert len(prompts(items(*[brush] * 4), "each", limit)) == 4
    with pytest.raises(BadPrompt, match="more than 4 drawn masks"):
        prompts(items(*[brush] * 5), "each", limit)


def polygon_of(count: int) -> dict[str, Any]:
    points = (50 + 40 * np.random.default_rng(0).standard_normal((count, 2))).round(2)
    return item("polygon", {"points": points.tolist()})


def test_only_so_many_points_of_polygons_are_filled() -> None:
    half = polygon_of(CORNER_LIMIT // 2)
    assert len(prompts(items(half, half), "each")) == 2
    with pytest.raises(BadPrompt, match="more than 10000 points of polygons"):
        prompts(items(half, half, polygon_of(3)), "each")
    with pytest.raises(BadPrompt, match=r"value\.points has over 10000 points; draw a simpler polygon"):
        prompts(items(polygon_of(CORNER_LIMIT + 1)), "last")
    assert len(prompts(items(half, half, polygon_of(3)), "last")) == 1


def test_a_prompt_is_the_same_at_every_size_of_the_browsers_picture() -> None:
    """A resized copy, a proxy or a thumbnail is what the browser shows; places on it are the same."""
    turned = {**rectangle(20, 30, 10, 40, rotation=30), "id": "r"}
    given = [keypoint(33.3, 66.6), turned]
    native, *others = (
        one(*({**each, "original_width": width, "original_height": height} for each in given))
        for width, height in ((200, 100), (100, 50), (400, 200), (4000, 2000))
    )
    for other in others:
        np.testing.assert_array_equal(other.points, native.points)
        np.testing.assert_allclose(other.box, native.box, atol=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", drawn_items()[1:3], ids=lambda given: given["type"])
@pytest.mark.parametrize("times", [2, 3])
def test_a_mask_drawn_on_a_larger_copy_is_the_same_mask(given: dict[str, Any], times: int) -> None:
    large = np.kron(MASK, np.ones((times, times), np.bool_))
    sizes = {"original_width": 200 * times, "original_height": 100 * times}
    drawn = item("bitmasklabels", {"imageDataURL": bitmask.data_url(large)}, **sizes)
    brush = item("brush", {"rle": brush_rle.encode(large).tolist()}, **sizes)
    native = one(given)
    for copy in (drawn, brush):
        np.testing.assert_allclose(one(copy).box, native.box)  # type: ignore[arg-type]


def test_a_thousand_prompts_and_no_more() -> None:
    boxes = [rectangle(index % 90, 1, 5, 5) for index in range(1000)]
    assert one(*boxes).box is not None
    with pytest.raises(BadPrompt, match="more than 1000 prompts"):
        prompts(items(*boxes, keypoint(1, 1)))


def test_prompts_of_another_image_are_left_out() -> None:
    pointed = read_pointed(
        items(
            keypoint(1, 1, item_index=0),
            keypoint(2, 2, item_index=1),
            keypoint(3, 3, to_name="other", item_index=1),
            keypoint(50, 50, item_index=1),
        ),
        read,
    )
    assert pointed is not None
    assert pointed.item_index == 1
    assert pointed.prompts[0].points.tolist() == [[0.02, 0.02], [0.5, 0.5]]


def test_prompts_that_disagree_about_the_size() -> None:
    with pytest.raises(BadPrompt, match=r"item 1 .*200 x 100 pixels there, but 960 x 640 in item 2"):
        prompts(items(keypoint(1, 1), keypoint(1, 1, original_width=960, original_height=640)))


def test_the_newest_label_counts() -> None:
    box = {"x": 1, "y": 1, "width": 5, "height": 5}
    pointed = read_pointed(
        items(
            item("rectanglelabels", {**box, "rectanglelabels": ["First"]}, from_name="a"),
            item("rectanglelabels", {**box, "rectanglelabels": ["Second"]}, from_name="b"),
            item("rectangle", box, from_name="c"),
        ),
        read,
    )
    assert pointed is not None
    assert pointed.label == "Second"
    assert pointed.controls == {"a", "b", "c"}
