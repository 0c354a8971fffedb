from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface

from protocol.bodies.annotated import AnnotatedTask, read_annotated
from protocol.bodies.predict import PredictBody, read_predict
from protocol.boxes import (
    BOX_LIMIT,
    BOXES,
    CHUNK,
    CHUNK_MASKS,
    BoxedTask,
    box_results,
    count_boxes,
    has_prediction,
    read_boxes,
    tasks_with_boxes,
)
from protocol.mask_prompts import read as draw
from protocol.options import ReadOptions
from protocol.predictions import encode_predict, prediction
from protocol.regions import encode
from testing.annotated import EACH_KIND, HEIGHT, LABEL_CONFIG, WIDTH, annotation, brush, rectangle, region
from tests.protocol.support import IMAGE, control, encoded, view
from values.errors import BadLabelConfig, BadPrompt

CAT = rectangle().region


def asked(
    *regions: Any, config: str | None = LABEL_CONFIG, data: Any = None, **fields: Any
) -> tuple[PredictBody, AnnotatedTask]:
    data = {"image": "/data/upload/1/a.png"} if data is None else data
    task = {"id": 7, "data": data, "annotations": [annotation(*regions)], **fields}
    body = encoded({"tasks": [task], "project": "3.17", "label_config": config})
    [read] = read_annotated(body, "the body")
    return read_predict(body), read


def boxed(*regions: Any, order: str = "", **fields: Any) -> BoxedTask:
    about, task = asked(*regions, **fields)
    options = ReadOptions.model_validate({"output_order": order} if order else {})
    return read_boxes(about, task, box_results(task, "v"), options)


def told(found: BoxedTask) -> list[tuple[str, str]]:
    return [(each.region, each.sentence) for each in found.left_out]


@pytest.mark.parametrize("kind", sorted(EACH_KIND))
def test_each_kind_asks_for_a_mask_within_the_box_of_its_own(kind: str) -> None:
    known = EACH_KIND[kind]()
    [image] = boxed(known.region).images
    click, regions, left_out = image.click(draw)
    assert click is not None
    assert (left_out, regions) == ([], [known.region["id"]])
    [prompt], [output] = click.prompts, click.outputs
    rows, columns = np.flatnonzero(known.truth.any(1)), np.flatnonzero(known.truth.any(0))
    around = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / (WIDTH, HEIGHT, WIDTH, HEIGHT)
    assert prompt.box is not None
    assert np.abs(prompt.box - around).max() < 0.01
    assert (prompt.mask is None) == (kind.removeprefix("turned ") in BOXES)
    assert output.labels == tuple(known.region["value"][known.region["type"]])
    assert (click.width, click.height, click.image.project, click.image.task) == (WIDTH, HEIGHT, "3", 7)


OUTPUTS = ("BrushLabels", "BitmaskLabels", "PolygonLabels", "RectangleLabels")


@pytest.mark.parametrize("tag", OUTPUTS)
def test_the_config_decides_what_a_mask_becomes_and_label_studio_takes_it(tag: str) -> None:
    # Without a mask control of its own kind a box comes back as the box of what is in it.
    others = "" if tag == "RectangleLabels" else control("RectangleLabels", "box", "Cat")
    config = view(IMAGE, others, control(tag, "out", "Cat"))
    name = "out" if others else "box"
    config = config.replace('name="out"', f'name="{name}"')
    [image] = boxed(CAT, config=config).images
    click, _, _ = image.click(draw)
    assert click is not None
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[50:100, 140:200] = True
    regions = encode(mask, 0.9, click, output=click.outputs[0])
    assert {each["type"] for each in regions} == {tag.lower()}
    [made] = msgspec.json.decode(encode_predict([prediction(regions, 0.9, "v")]))["results"]
    assert LabelInterface(config).validate_prediction(made, return_errors=True) == []


def test_a_label_that_only_a_later_control_knows_goes_there() -> None:
    config = view(IMAGE, control("BrushLabels", "brush", "Dog"), control("PolygonLabels", "poly", "Cat"))
    [image] = boxed(CAT, config=config).images
    assert [box.output.from_name for box in image.boxes] == ["poly"]


def test_a_label_that_no_control_for_masks_knows() -> None:
    config = view(IMAGE, control("BrushLabels", "brush", "Dog"), control("EllipseLabels", "e", "Cat"))
    found = boxed(CAT, config=config)
    assert found.images == ()
    assert told(found) == [
        (
            "rectangle-1",
            'region rectangle-1 has the label "Cat", which no control for masks of the labeling config has; '
            "add it to <BrushLabels>",
        )
    ]


def test_a_region_without_a_label_becomes_a_mask_without_one() -> None:
    [image] = boxed(region("rectangle", CAT["value"], None) | {"type": "rectangle"}).images
    assert [box.output.labels for box in image.boxes] == [()]


def test_a_label_of_a_control_of_its_own() -> None:
    config = view(IMAGE, '<Rectangle name="r" toName="image"/><Brush name="b" toName="image"/>')
    config = config.replace("</View>", f"{control('Labels', 'l', 'Cat')}</View>")
    shape = {**CAT, "type": "rectangle", "from_name": "r", "value": {**CAT["value"]}}
    shape["value"].pop("rectanglelabels")
    labels = {**CAT, "type": "labels", "from_name": "l", "value": {"labels": ["Cat"]}}
    [image] = boxed(shape, labels, config=config).images
    [box] = image.boxes
    assert (box.output.tag, box.output.labels, box.output.labels_from) == ("Brush", ("Cat",), "l")


def test_each_damaged_region_is_left_out_alone() -> None:
    outside = region("rectangle", {"x": 150, "y": 1, "width": 3, "height": 3}, id="outside")
    unsized = {**CAT, "id": "unsized", "original_width": None}
    torn = brush(id="torn").region
    torn["value"]["rle"] = torn["value"]["rle"][:20]
    found = boxed(outside, CAT, unsized, torn)
    assert found.boxes == 4
    assert told(found) == [
        ("outside", "region outside: value.width and height leave no area inside the image"),
        ("unsized", "region unsized: original_width is missing"),
    ]
    [image] = found.images
    click, regions, left_out = image.click(draw)
    assert click is not None
    assert regions == ["rectangle-1"]
    assert [(each.region, each.code) for each in left_out] == [("torn", "bad_prompt")]
    assert left_out[0].sentence.startswith("region torn: the brush RLE is")


def test_only_damaged_regions_are_no_click() -> None:
    torn = brush(id="torn").region
    torn["value"]["rle"] = [1, 2, 3]
    [image] = boxed(torn).images
    assert image.click(draw)[0] is None


def test_images_of_a_list_and_copies_of_other_sizes_are_apart() -> None:
    pages = [
        {**CAT, "id": "first", "item_index": 0},
        {**CAT, "id": "second", "item_index": 1},
        {**CAT, "id": "again", "item_index": 0},
        {**CAT, "id": "smaller", "item_index": 0, "original_width": 160, "original_height": 100},
        {**CAT, "id": "none", "item_index": 9},
    ]
    config = view('<Image name="image" valueList="$pages"/>', control("BrushLabels", "brush", "Cat"))
    found = boxed(*pages, config=config, data={"pages": ["/a.png", "/b.png"]})
    assert [(image.image.value, [box.region for box in image.boxes]) for image in found.images] == [
        ("/a.png", ["first", "again"]),
        ("/b.png", ["second"]),
        ("/a.png", ["smaller"]),
    ]
    assert [each.region for each in found.left_out] == ["none"]


def test_a_region_on_an_image_that_the_config_does_not_have() -> None:
    [(name, sentence)] = told(boxed({**CAT, "to_name": "other"}))
    assert name == "rectangle-1"
    assert 'is on "other", and the labeling config has no <Image> of that name' in sentence


def test_a_config_that_takes_no_masks() -> None:
    for config in (view(IMAGE), view(IMAGE, control("EllipseLabels", "e", "Cat"))):
        with pytest.raises(BadLabelConfig, match="no control of the labeling config takes a mask"):
            boxed(CAT, config=config)
    with pytest.raises(BadLabelConfig, match="has no labeling config"):
        boxed(CAT, config=None)
    with pytest.raises(BadLabelConfig, match="takes a mask"):
        boxed(CAT, order="Polygon")


def test_more_boxes_than_are_read() -> None:
    many = [{**CAT, "id": f"box {number}"} for number in range(BOX_LIMIT + 1)]
    with pytest.raises(BadPrompt, match=f"task 7 has over {BOX_LIMIT} boxes"):
        boxed(*many)


def test_parts_are_small_enough_for_one_call() -> None:
    boxes = [{**CAT, "id": f"box {number}"} for number in range(100)]
    drawn = [brush(id=f"drawn {number}").region for number in range(20)]
    [image] = boxed(*boxes, *drawn).images
    parts = image.chunks()
    assert [len(part.boxes) for part in parts] == [CHUNK, 100 - CHUNK + CHUNK_MASKS, 20 - CHUNK_MASKS]
    assert sum((part.boxes for part in parts), ()) == image.boxes


def test_boxes_are_counted_without_being_read() -> None:
    _, task = asked(CAT, {**CAT, "type": "labels", "value": {}}, brush().region, {"type": "choices"})
    results = box_results(task, "v")
    assert count_boxes(results) == 2
    assert count_boxes(box_results(task, "v", BOXES)) == 1


def test_of_a_request_only_the_tasks_with_boxes_are_kept_and_nothing_of_its_body() -> None:
    boxed = {"id": 2, "data": {"image": "a"}, "annotations": [annotation(CAT, brush().region)]}
    done = {"id": 3, "annotations": [annotation(CAT)], "predictions": [{"model_version": "v"}]}
    body = encoded(
        {"tasks": [{"id": 1, "data": None, "annotations": [annotation(brush().region)]}, boxed, done]}
    )
    [found] = tasks_with_boxes(body, "the body", "v", BOXES)
    assert (found.place, found.task.id, count_boxes(found.results)) == (1, 2, 1)
    kept = [memoryview(raw).obj for raw in (found.task.data, *found.results)]
    assert sum(len(each) for each in kept) < 1000 < len(body)  # type: ignore[arg-type, misc]


def test_whether_a_prediction_of_the_model_is_stored() -> None:
    _, task = asked(predictions=[{"id": 1, "model_version": "v", "result": []}])
    assert has_prediction(task, "v")
    assert not has_prediction(task, "w")


def click_at(x: float, y: float, number: str, **fields: Any) -> Any:
    """A keypoint with the id of a region."""
    return region("keypoint", {"x": x, "y": y}, None, id=number, **fields)


def test_keypoints_of_a_boxs_id_are_clicks_on_the_thing() -> None:
    beside = click_at(25, 50, CAT["id"], is_positive=False)
    found = boxed(
        click_at(50, 25, CAT["id"]), CAT, beside, click_at(1, 2, "another"), click_at(3, 4, CAT["id"])
    )
    [image] = found.images
    click, regions, left_out = image.click(draw)
    assert click is not None
    [prompt] = click.prompts
    assert prompt.box is not None
    assert prompt.points.tolist() == [[0.5, 0.25], [0.25, 0.5], [0.03, 0.04]]
    assert prompt.labels.tolist() == [1, 0, 1]
    assert (regions, left_out, found.left_out, found.boxes) == ([CAT["id"]], [], (), 1)


def test_clicks_that_cannot_be_used_leave_out_their_box() -> None:
    many = [click_at(50, 25, CAT["id"])] * 17
    [(number, sentence)] = told(boxed(CAT, *many))
    assert (number, "over 16 clicks" in sentence) == (CAT["id"], True)
    [(_, sentence)] = told(boxed(CAT, click_at(50, 25, CAT["id"]) | {"value": {"x": "left"}}))
    assert "x" in sentence


def test_keypoints_alone_are_no_boxes() -> None:
    _, task = asked(click_at(1, 2, "one"))
    assert box_results(task, "v") == ()
