"""Which prompts of a stored annotation are said to have no mask, and how certain that is."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from protocol import config_template
from protocol.bodies.annotation import read_annotation
from protocol.config_template import Result
from protocol.label_config import parse
from protocol.unaccepted import unaccepted

Json = Any
BRUSH = config_template.build(["Cat", "Dog"])
POINTS = BRUSH.partition("<Image")[0].replace("BrushLabels", "Choices").replace("RectangleLabels", "Choices")
POINTS += '<Image name="image" value="$image"/></View>'
_NUMBERS = count()


def result(kind: str, label: str | None = "Cat", control: str = "", **fields: Json) -> Json:
    """A result as the editor stores it."""
    names = {"keypoint": "point", "rectangle": "box"}
    value = {"x": 1, "y": 1, "width": 1} | ({f"{kind}labels": [label]} if label else {})
    return {
        "id": f"region-{next(_NUMBERS)}",
        "type": f"{kind}labels",
        "from_name": control or names.get(kind, kind),
        "to_name": "image",
        "value": value,
        **fields,
    }


def click(label: str | None = "Cat", **fields: Json) -> Json:
    """A click of the smart tool."""
    return result("keypoint", label, is_positive=True, **fields)


def said(config: str, *results: Json) -> list[str]:
    stored = read_annotation(json.dumps({"id": 1, "result": results}).encode())
    return [str(each) for each in unaccepted(parse(config), stored.result or ())]


def test_clicks_alone_are_certain() -> None:
    negative = click() | {"is_positive": False}
    assert said(BRUSH, click(), negative, click("Dog")) == [
        '2 clicks for "Cat" were saved without a mask',
        '1 click for "Dog" was saved without a mask',
    ]


def test_a_mask_of_the_label_is_enough_and_a_click_beside_it_is_told_with_doubt() -> None:
    mask = result("brush")
    assert said(BRUSH, mask) == []
    assert said(BRUSH, mask, result("keypoint"), result("rectangle")) == []
    assert said(BRUSH, mask, click()) == [
        '1 click for "Cat" was saved beside masks of that label: whether one is missing is not known'
    ]
    assert said(BRUSH, mask, click("Dog")) == ['1 click for "Dog" was saved without a mask']


def test_a_click_that_several_controls_repeat_is_one() -> None:
    assert said(BRUSH, click(id="a"), click(id="a")) == ['1 click for "Cat" was saved without a mask']


def test_a_mask_on_another_picture_of_the_task_is_not_theirs() -> None:
    assert said(BRUSH, result("brush", item_index=1), click()) == [
        '1 click for "Cat" was saved without a mask'
    ]
    assert said(BRUSH, result("brush", item_index=0), result("keypoint")) == []


def test_what_the_plain_tool_may_have_drawn_is_not_known() -> None:
    assert said(BRUSH, result("keypoint"), result("rectangle")) == [
        '1 keypoint "Cat" without a mask: whether one was asked for is not known',
        '1 rectangle "Cat" without a mask: whether one was asked for is not known',
    ]


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(BRUSH.replace('smart="true"', 'smart="false"'), id="asks no backend"),
        pytest.param(POINTS, id="nothing takes masks"),
        pytest.param(BRUSH.replace('name="point"', 'name="other"'), id="a control that is gone"),
    ],
)
def test_keypoints_of_other_projects_are_results(config: str) -> None:
    assert said(config, result("keypoint")) == []


def test_a_label_that_the_model_never_fills_is_a_result() -> None:
    config = BRUSH.replace("</KeyPointLabels>", '<Label value="Nose"/></KeyPointLabels>')
    assert said(config, click("Nose"), result("keypoint", "Nose")) == []
    assert said(config, click()) == ['1 click for "Cat" was saved without a mask']


def test_where_rectangles_take_the_masks_they_are_results() -> None:
    config = config_template.build(["Cat"], Result.RECTANGLE)
    assert said(config, result("rectangle")) == []
    assert said(config, result("rectangle"), result("keypoint")) == []
    assert said(config, click()) == ['1 click for "Cat" was saved without a mask']


def test_the_order_of_outputs_decides_what_takes_the_masks() -> None:
    stored = read_annotation(json.dumps({"id": 1, "result": [result("rectangle")]}).encode())
    assert unaccepted(parse(BRUSH), stored.result or (), ("RectangleLabels", "BrushLabels")) == []


def test_labels_that_another_control_has() -> None:
    config = (
        '<View><Image name="image" value="$image"/>'
        '<Labels name="of" toName="image"><Label value="Cat"/></Labels>'
        '<KeyPoint name="point" toName="image" smart="true"/><Brush name="brush" toName="image"/></View>'
    )
    point = click(None) | {"type": "keypoint", "id": "a"}
    of_point = result("", "Cat", "of") | {"id": "a", "type": "labels", "value": {"labels": ["Cat"]}}
    brush = result("brush", None) | {"type": "brush", "id": "b"}
    of_brush = of_point | {"id": "b"}
    assert said(config, point, of_point) == ['1 click for "Cat" was saved without a mask']
    assert said(config, brush, of_brush, of_point, point | {"is_positive": None}) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "keypointlabels"},
        {"type": "keypointlabels", "value": None},
        {"type": "keypointlabels", "value": [1]},
        click() | {"from_name": 3},
        click() | {"item_index": "x"},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        {"type": "choices", "value": {"choices": ["x"]}},
    ],
)
def test_what_cannot_be_read_spoils_nothing_else(broken: Json) -> None:
    assert said(BRUSH, broken, click()) == ['1 click for "Cat" was saved without a mask']


def test_names_that_a_client_gave_are_cut() -> None:
    config = BRUSH.replace("Cat", "C" * 299)
    [sentence] = said(config, click("C" * 299))
    assert len(sentence) < 120
