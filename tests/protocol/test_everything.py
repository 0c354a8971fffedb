from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from protocol.bodies.predict import PredictBody, read_predict
from protocol.controls import OUTPUT_ORDER, Output
from protocol.everything import (
    PICTURES,
    WholeTask,
    first_output,
    nothing_found,
    read_whole,
    tasks_without_masks,
)
from protocol.label_config import parse
from protocol.regions import encode
from tests.protocol.support import IMAGE, control, encoded, view
from values.errors import BadLabelConfig, BadPrompt
from values.prompt import Prompt

BRUSH = control("BrushLabels", "brush", "Cat", "Dog")


def whole(config: str | None, data: Any = None, points: int | None = None) -> WholeTask:
    data = {"image": "/data/upload/1/a.png"} if data is None else data
    body: Any = {"tasks": [{"id": 7, "data": data}], "project": "3.17", "label_config": config}
    about: PredictBody = read_predict(encoded(body))
    return read_whole(about, about.tasks[0], points, OUTPUT_ORDER)


OUTPUTS = {
    "the first label": (BRUSH, Output("BrushLabels", "brush", "image", ("Cat",))),
    "its alias": (
        '<BrushLabels name="brush" toName="image"><Label value="Cat" alias="C"/></BrushLabels>',
        Output("BrushLabels", "brush", "image", ("C",)),
    ),
    "the preferred control": (
        control("RectangleLabels", "box", "Dog") + control("PolygonLabels", "polygon", "Bird"),
        Output("PolygonLabels", "polygon", "image", ("Bird",)),
    ),
    "labels of another control": (
        control("Labels", "what", "Cat") + control("Brush", "brush"),
        Output("Brush", "brush", "image", ("Cat",), "what"),
    ),
    "no labels at all": (control("Brush", "brush"), Output("Brush", "brush", "image")),
    "labels of the task": (
        '<BrushLabels name="brush" toName="image" value="$labels"/>',
        Output("BrushLabels", "brush", "image"),
    ),
    "another image's control": (control("BrushLabels", "brush", "Cat", attributes='toName="other"'), None),
}


@pytest.mark.parametrize(("controls", "output"), OUTPUTS.values(), ids=OUTPUTS)
def test_where_masks_go(controls: str, output: Output | None) -> None:
    assert first_output(parse(view(IMAGE, controls)), "image", OUTPUT_ORDER) == output


def test_a_picture_with_its_click_and_region() -> None:
    [picture] = whole(view(IMAGE, BRUSH), points=16).pictures
    assert (picture.image.value, picture.image.project, picture.image.task) == (
        "/data/upload/1/a.png",
        "3",
        7,
    )
    assert (picture.item_index, picture.points) == (None, 16)
    prompt = Prompt(np.array([[0.5, 0.5]]), np.ones(1, np.int32))
    click = picture.click(prompt, 40, 20)
    [region] = encode(np.ones((20, 40), np.bool_), 0.9, click)
    assert region["value"]["brushlabels"] == ["Cat"]
    assert (region["original_width"], region["original_height"], region["image_rotation"]) == (40, 20, 0)


def test_every_picture_of_a_list_and_of_several_images() -> None:
    config = view(
        '<Image name="pages" valueList="$pages"/><Image name="cover" value="$cover"/>',
        control("BrushLabels", "brush", "Cat", attributes='toName="pages,cover"'),
    )
    found = whole(config, {"pages": ["/a.png", "/b.png", 3], "cover": "/c.png"})
    assert [(each.image.value, each.item_index) for each in found.pictures] == [
        ("/a.png", 0),
        ("/b.png", 1),
        ("/c.png", None),
    ]
    [left_out] = found.left_out
    assert (left_out.region, left_out.code) == ("", "image_missing")


def test_a_task_without_its_picture_is_left_out_with_the_reason() -> None:
    found = whole(view(IMAGE, BRUSH), {"picture": "/a.png"})
    assert found.pictures == ()
    [left_out] = found.left_out
    assert left_out.sentence.startswith('task 7: data["image"], which')


def test_a_list_that_is_too_long() -> None:
    config = view('<Image name="image" valueList="$pages"/>', BRUSH)
    with pytest.raises(BadPrompt, match="task 7 has over 100 pictures"):
        whole(config, {"pages": ["/a.png"] * (PICTURES + 1)})


@pytest.mark.parametrize("config", [None, view(IMAGE), view(IMAGE, control("KeyPointLabels", "k", "Cat"))])
def test_a_config_without_a_place_for_masks(config: str | None) -> None:
    with pytest.raises(BadLabelConfig):
        whole(config)


def test_tasks_that_lack_masks_of_the_model() -> None:
    tasks = [
        {"id": 1, "data": {}, "annotations": [{"result": []}]},
        {"id": 2, "data": {}, "predictions": [{"model_version": "v", "result": []}]},
        {"id": 3, "data": {}, "predictions": [{"model_version": "other", "result": []}]},
    ]
    found = tasks_without_masks(encoded({"tasks": tasks}), "the body", "v")
    assert [(each.place, each.task.id, each.results) for each in found] == [(0, 1, ()), (2, 3, ())]


def test_nothing_found_names_the_picture_and_the_remedy() -> None:
    config = view('<Image name="image" valueList="$pages"/>', BRUSH)
    [_, second] = whole(config, {"pages": ["/a.png", "/b.png"]}).pictures
    assert nothing_found(second).sentence.startswith("item 1: none of the masks")
    assert nothing_found(second).code == "no_mask"
