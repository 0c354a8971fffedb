from __future__ import annotations

import json
import pickle
from typing import Any

import cv2
import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface
from numpy.typing import NDArray

from protocol import regions
from protocol.click import Click, read_click
from protocol.controls import OUTPUT_TAGS, Output
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions, RegionOptions
from protocol.predictions import encode_predict, prediction
from protocol.regions import encode
from testing.brush_converter import decode_rle
from tests.protocol.support import keypoint, predict
from values.prompt import Prompt

MASK = np.zeros((100, 200), np.bool_)
MASK[20:60, 50:120] = True
MASK[30:50, 70:90] = False
MASK[70:90, 150:180] = True

EVERY = ReadOptions(output_order=OUTPUT_TAGS)


def config(tag: str) -> str:
    labels = '<Label value="Object"/><Label value="Other"/>'
    keypoint = f'<KeyPointLabels name="prompt" toName="image">{labels}</KeyPointLabels>'
    if tag.endswith("Labels"):
        control = f'<{tag} name="out" toName="image">{labels}</{tag}>'
    else:
        control = f'<{tag} name="out" toName="image"/><Labels name="labels" toName="image">{labels}</Labels>'
    return f'<View><Image name="image" value="$image"/>{control}{keypoint}</View>'


def click(tag: str, **fields: Any) -> Click:
    found = read_click(predict(config(tag), keypoint(30, 40, **fields)), draw, EVERY)
    assert isinstance(found, Click)
    return found


def stored(
    tag: str, mask: NDArray[np.bool_] = MASK, score: float = 0.9, **fields: Any
) -> list[dict[str, Any]]:
    """The regions as Label Studio gets them."""
    body = encode_predict([prediction(encode(mask, score, click(tag, **fields)), score, "m-1")])
    result: list[dict[str, Any]] = json.loads(body)["results"][0]["result"]
    return result


@pytest.mark.parametrize("tag", OUTPUT_TAGS)
@pytest.mark.parametrize("score", [0.5, 1.7])
def test_label_studio_accepts_every_kind(tag: str, score: float) -> None:
    regions = stored(tag, score=score)
    errors = LabelInterface(config(tag)).validate_prediction(
        {"model_version": "m", "score": min(score, 1), "result": regions}, return_errors=True
    )
    assert errors == []
    for region in regions:
        assert region["original_width"] == 200
        assert region["original_height"] == 100
        assert region["image_rotation"] == 0
        assert region["to_name"] == "image"
        assert "item_index" not in region
        assert len(region["id"]) >= 10
        assert region["score"] == min(score, 1)


@pytest.mark.parametrize("tag", OUTPUT_TAGS)
def test_label_studio_accepts_a_region_without_label(tag: str) -> None:
    found = read_click(predict(config(tag).replace("Object", "Else", 1), keypoint(30, 40)), draw, EVERY)
    assert isinstance(found, Click)
    assert found.outputs[0].labels == ()
    regions = json.loads(encode_predict([prediction(encode(MASK, 0.5, found), 0.5, "m")]))["results"]
    assert LabelInterface(config(tag)).validate_prediction(regions[0], return_errors=True) == []


def test_a_wrong_label_would_be_refused() -> None:
    """The check above is able to fail."""
    (region,) = stored("BrushLabels")
    region["value"]["brushlabels"] = ["Unknown"]
    assert not LabelInterface(config("BrushLabels")).validate_prediction({"result": [region]})


def test_brush() -> None:
    (region,) = stored("BrushLabels", item_index=3, image_rotation=90)
    assert (region["type"], region["from_name"]) == ("brushlabels", "out")
    assert (region["item_index"], region["image_rotation"]) == (3, 90)
    assert region["value"]["brushlabels"] == ["Object"]
    decoded = decode_rle(region["value"]["rle"]).reshape(100, 200, 4)
    assert (decoded[..., 3] == MASK * 255).all()


@pytest.mark.parametrize("tag", ["Brush", "Bitmask", "Rectangle"])
def test_a_tag_without_labels_is_repeated_for_them(tag: str) -> None:
    plain, labels = stored(tag)
    assert plain["id"] == labels["id"]
    assert (plain["type"], labels["type"]) == (tag.lower(), "labels")
    assert (plain["from_name"], labels["from_name"]) == ("out", "labels")
    assert labels["value"] == {**plain["value"], "labels": ["Object"]}


def test_a_mask_goes_to_the_output_of_its_prompt() -> None:
    found = click("BrushLabels")
    other = Output("BrushLabels", "out", "image", ("Other",))
    [first], [second] = encode(MASK, 0.5, found), encode(MASK, 0.5, found, output=other)
    assert (first["value"]["brushlabels"], second["value"]["brushlabels"]) == (["Object"], ["Other"])


def test_polygons_are_one_region_each() -> None:
    regions = stored("PolygonLabels")
    assert len(regions) == 2
    assert len({region["id"] for region in regions}) == 2
    points = np.array(regions[1]["value"]["points"])
    assert points.min(axis=0).tolist() == [75, 70]
    assert points.max(axis=0).tolist() == [90, 90]
    assert regions[1]["value"]["closed"] is True
    both = stored("Polygon")
    assert [region["type"] for region in both] == ["polygon", "labels"] * 2
    assert len({region["id"] for region in both}) == 2


def test_the_outline_of_a_large_mask_is_taken_from_every_second_pixel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(regions, "_COARSE_PIXELS", 1000)
    coarse = [np.array(each["value"]["points"]) for each in stored("PolygonLabels")]
    taken: list[tuple[int, ...]] = []

    def noted(mask: NDArray[np.bool_], *given: object) -> list[Any]:
        taken.append(mask.shape)
        return []

    monkeypatch.setattr(regions, "polygons", noted)
    stored("PolygonLabels")
    assert taken == [(50, 100)]
    assert coarse[1].min(axis=0).tolist() == [75, 70]
    assert coarse[1].max(axis=0).tolist() == [90, 90]


def test_polygon_options() -> None:
    y, x = np.indices((100, 200))
    disc = (x - 100) ** 2 + (y - 50) ** 2 < 40**2
    counts = [
        len(
            encode(disc, 1, click("PolygonLabels"), RegionOptions(polygon_epsilon=epsilon))[0]["value"][
                "points"
            ]
        )
        for epsilon in (0, 0.002, 0.02)
    ]
    assert counts[0] > counts[1] > counts[2] >= 3
    assert len(encode(MASK, 1, click("PolygonLabels"), RegionOptions(polygon_max_parts=1))) == 1


def test_rectangle_is_tight() -> None:
    (region,) = stored("RectangleLabels")
    value = region["value"]
    assert {key: value[key] for key in ("x", "y", "width", "height", "rotation")} == {
        "x": 25,
        "y": 20,
        "width": 65,
        "height": 70,
        "rotation": 0,
    }


def test_a_rectangle_may_be_turned() -> None:
    mask = np.zeros((100, 200), np.uint8)
    cv2.fillPoly(mask, [np.array([[40, 50], [60, 30], [130, 100], [110, 120]])], (1,))
    (upright,) = encode(mask > 0, 1, click("RectangleLabels"))
    (turned,) = encode(mask > 0, 1, click("RectangleLabels"), RegionOptions(rectangle_rotated=True))
    assert upright["value"]["rotation"] == 0
    assert turned["value"]["rotation"] == pytest.approx(45, abs=1)
    assert turned["value"]["rectanglelabels"] == ["Object"]
    interface = LabelInterface(config("RectangleLabels"))
    assert interface.validate_prediction({"result": [turned]}, return_errors=True) == []


def test_an_ellipse() -> None:
    y, x = np.indices((100, 200)) + 0.5
    (region,) = stored("EllipseLabels", ((x - 80) / 40) ** 2 + ((y - 50) / 20) ** 2 <= 1)
    assert region["type"] == "ellipselabels"
    assert region["value"].pop("ellipselabels") == ["Object"]
    assert region["value"] == pytest.approx(
        {"x": 40, "y": 50, "radiusX": 20, "radiusY": 20, "rotation": 0}, abs=0.1
    )


@pytest.mark.parametrize("tag", OUTPUT_TAGS)
def test_a_mask_is_postprocessed_whatever_it_becomes(tag: str) -> None:
    """The click of the tests is on the larger part, but where there is another on the smaller one."""
    options = RegionOptions(mask_fill_holes=1, mask_largest_part=True)
    whole = np.zeros((100, 200), np.bool_)
    whole[20:60, 50:120] = True
    both = whole.copy()
    both[70:90, 150:180] = True
    smaller = Prompt.in_pixels((200, 100), [[160, 80]], [1])

    def values(mask: NDArray[np.bool_], *given: Any) -> list[dict[str, Any]]:
        regions = encode(mask, 1, click(tag), *given)
        body: dict[str, Any] = json.loads(encode_predict([prediction(regions, 1, "m")]))["results"][0]
        return [region["value"] for region in body["result"]]

    assert values(MASK, options) == values(whole)
    assert values(MASK, options, None, smaller) == values(both) != values(whole)


@pytest.mark.parametrize("tag", OUTPUT_TAGS)
def test_a_full_and_a_single_pixel_mask(tag: str) -> None:
    pixel = np.zeros((100, 200), np.bool_)
    pixel[99, 199] = True
    for mask in (pixel, np.ones((100, 200), np.bool_)):
        assert (
            LabelInterface(config(tag)).validate_prediction({"result": stored(tag, mask)}, return_errors=True)
            == []
        )


@pytest.mark.parametrize("tag", OUTPUT_TAGS)
def test_an_empty_mask_is_no_region(tag: str) -> None:
    assert encode(np.zeros((100, 200), np.bool_), 0.9, click(tag)) == []


@pytest.mark.parametrize(
    "mask", [np.zeros((200, 100), np.bool_), np.zeros((99, 200), np.bool_), np.zeros((100, 200), np.uint8)]
)
def test_the_mask_must_be_of_the_browsers_size(mask: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="not bool of"):
        encode(mask, 0.9, click("BrushLabels"))  # type: ignore[arg-type]


def test_ids_are_new_each_time() -> None:
    ids = {encode(MASK, 0.9, click("RectangleLabels"))[0]["id"] for _ in range(200)}
    assert len(ids) == 200


def test_regions_pickle_with_their_arrays() -> None:
    (region,) = encode(MASK, 0.9, click("BrushLabels"))
    assert isinstance(region["value"]["rle"], np.ndarray)
    again = pickle.loads(pickle.dumps(region))
    assert (again["value"]["rle"] == region["value"]["rle"]).all()
