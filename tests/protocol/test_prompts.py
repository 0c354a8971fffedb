from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from protocol import bitmask, brush_rle
from protocol.prompts import MultiBox, read_pointed, read_prompts
from tests.protocol.support import capture, item, items, keypoint, rectangle
from values.errors import BadPrompt
from values.prompt import Prompt

MASK = np.zeros((100, 200), np.bool_)
MASK[10:40, 20:70] = True


def one(*given: dict[str, Any], multi_box: MultiBox = "last") -> Prompt:
    (prompt,) = read_prompts(items(*given), multi_box)
    return prompt


def captured(name: str) -> Prompt:
    return one(*capture(name)["params"]["context"]["result"])


def test_real_clicks() -> None:
    prompt = captured("browser_third")
    expected = [[47.97230, 52.96736], [9.99011, 90.05935], [52.12661, 54.59941]]
    np.testing.assert_allclose(prompt.points, np.array(expected) * (9.6, 6.4), rtol=1e-5)
    assert prompt.points.dtype == np.float32
    assert prompt.labels.tolist() == [1, 0, 1]
    assert prompt.labels.dtype == np.int32
    assert prompt.box is None
    assert prompt.mask is None


def test_real_rectangle() -> None:
    prompt = captured("browser_rectangle")
    value = capture("browser_rectangle")["params"]["context"]["result"][0]["value"]
    x, y = value["x"] * 9.6, value["y"] * 6.4
    assert prompt.box is not None
    np.testing.assert_allclose(
        prompt.box, [x, y, x + value["width"] * 9.6, y + value["height"] * 6.4], rtol=1e-5
    )
    assert prompt.count == 1


def test_exif_turned_image_keeps_the_displayed_frame() -> None:
    pointed = read_pointed(items(*capture("api_exif6")["params"]["context"]["result"]))
    assert pointed is not None
    assert (pointed.width, pointed.height) == (720, 960)
    np.testing.assert_allclose(pointed.prompts[0].points, [[0.56 * 720, 0.47 * 960]], rtol=1e-6)


def test_rotation_of_the_view_turns_nothing() -> None:
    plain, turned = one(keypoint(30, 40)), one(keypoint(30, 40, image_rotation=90))
    assert (plain.points == turned.points).all()


def test_nothing_pointed_at() -> None:
    assert read_pointed([]) is None
    assert read_prompts(items(item("choices", {"choices": ["a"]}))) == []


def test_only_negative_clicks_ask_for_no_mask() -> None:
    pointed = read_pointed(items(keypoint(1, 1, is_positive=False)))
    assert pointed is not None
    assert pointed.prompts == ()
    assert one(keypoint(1, 1, is_positive=False), rectangle(0, 0, 50, 50)).labels.tolist() == [0]


def test_points_and_box_together_are_one_prompt() -> None:
    prompt = one(keypoint(50, 50), rectangle(10, 10, 20, 20), keypoint(1, 1, is_positive=False))
    assert prompt.points.tolist() == [[100, 50], [2, 1]]
    assert prompt.labels.tolist() == [1, 0]
    assert prompt.box is not None
    assert prompt.box.tolist() == [20, 10, 60, 30]


def test_the_newest_of_several_boxes_wins() -> None:
    prompt = one(rectangle(10, 10, 20, 20), keypoint(15, 15), rectangle(50, 50, 10, 10))
    assert prompt.box is not None
    assert prompt.box.tolist() == [100, 50, 120, 60]
    assert len(prompt.points) == 1


def test_each_box_takes_the_clicks_inside_it_and_the_newest_those_inside_none() -> None:
    first, second = read_prompts(
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
    assert first.points.tolist() == [[30, 15], [50, 25]]
    assert second.points.tolist() == [[180, 90], [50, 25], [100, 50]]
    assert second.labels.tolist() == [0, 1, 1]
    assert first.box is not None
    assert first.box.tolist() == [20, 10, 60, 30]


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
    assert prompt.box is not None
    assert prompt.box.tolist() == [20, 10, 70, 40]
    assert prompt.mask is not None
    assert prompt.mask.shape == (100, 200)
    assert np.abs(prompt.mask - MASK).mean() < 0.01
    assert prompt.count == 3


def test_a_damaged_mask_names_its_item() -> None:
    broken = item("brushlabels", {"rle": [1, 2, 3]}, id="b1")
    with pytest.raises(BadPrompt, match=r"item 2 of context.result \(brushlabels, id b1\): the brush RLE"):
        read_prompts(items(keypoint(1, 1), broken))


def test_only_so_many_masks_are_decoded() -> None:
    brush = drawn_items()[0]
    assert len(read_prompts(items(*[brush] * 16), "each")) == 16
    with pytest.raises(BadPrompt, match="more than 16 drawn masks"):
        read_prompts(items(*[brush] * 17), "each")
    assert len(read_prompts(items(*[brush] * 17), "last")) == 1


def test_a_thousand_prompts_and_no_more() -> None:
    points = [keypoint(index % 100, 1) for index in range(1000)]
    assert len(one(*points).points) == 1000
    with pytest.raises(BadPrompt, match="more than 1000 prompts"):
        read_prompts(items(*points, keypoint(1, 1)))


def test_prompts_of_another_image_are_left_out() -> None:
    pointed = read_pointed(
        items(
            keypoint(1, 1, item_index=0),
            keypoint(2, 2, item_index=1),
            keypoint(3, 3, to_name="other", item_index=1),
            keypoint(50, 50, item_index=1),
        )
    )
    assert pointed is not None
    assert pointed.item_index == 1
    assert pointed.prompts[0].points.tolist() == [[4, 2], [100, 50]]


def test_prompts_that_disagree_about_the_size() -> None:
    with pytest.raises(BadPrompt, match=r"item 1 .*200 x 100 pixels there, but 960 x 640 in item 2"):
        read_prompts(items(keypoint(1, 1), keypoint(1, 1, original_width=960, original_height=640)))


def test_the_newest_label_counts() -> None:
    box = {"x": 1, "y": 1, "width": 5, "height": 5}
    pointed = read_pointed(
        items(
            item("rectanglelabels", {**box, "rectanglelabels": ["First"]}, from_name="a"),
            item("rectanglelabels", {**box, "rectanglelabels": ["Second"]}, from_name="b"),
            item("rectangle", box, from_name="c"),
        )
    )
    assert pointed is not None
    assert pointed.label == "Second"
    assert pointed.controls == {"a", "b", "c"}
