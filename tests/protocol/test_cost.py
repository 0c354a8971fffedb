from __future__ import annotations

from typing import Any

import pytest

from protocol.bodies.predict import PredictBody, read_predict
from protocol.cost import ON_LOOP_MS, click_ms, images_ms, stored_ms, warnings_ms
from tests.protocol.support import (
    INTERACTIVE,
    WITHOUT_PROMPTS,
    capture,
    capture_bytes,
    encoded,
    item,
    keypoint,
    predict,
    rectangle,
)

CONFIG = (
    '<View><Image name="image" value="$image"/><BrushLabels name="tag" toName="image">{}</BrushLabels></View>'
)
FEW, MANY = (CONFIG.format('<Label value="Object"/>' * count) for count in (100, 3000))


@pytest.mark.parametrize("name", INTERACTIVE)
def test_a_real_click_is_cheap(name: str) -> None:
    assert click_ms(read_predict(capture_bytes(name))) < ON_LOOP_MS / 4


@pytest.mark.parametrize("name", WITHOUT_PROMPTS)
def test_a_real_request_without_prompts_is_cheap(name: str) -> None:
    body = read_predict(capture_bytes(name))
    assert click_ms(body) == 0
    assert images_ms(body) < ON_LOOP_MS / 4


def test_a_session_of_clicks_and_boxes_is_cheap_in_a_project_with_many_labels() -> None:
    body = predict(FEW, *[keypoint(1, 1)] * 15, *[rectangle(1, 1, 5, 5)] * 15)
    assert click_ms(body) < ON_LOOP_MS


@pytest.mark.parametrize(
    "prompts",
    [
        [item("brushlabels", {"rle": [1]})],
        [item("Brush", {"maskDataURL": ""})],
        [keypoint(1, 1), item("bitmasklabels", {"imageDataURL": ""})],
        [item("polygon", {"points": [[1, 1], [2, 2], [1, 2]]})],
        [keypoint(1, 1)] * 300,
        [{"type": "choices"}] * 5000,
    ],
    ids=["brush", "mask URL", "bitmask", "polygon", "clicks", "choices"],
)
def test_a_small_body_may_be_costly(prompts: list[dict[str, Any]]) -> None:
    assert click_ms(predict(FEW, *prompts)) > ON_LOOP_MS


def test_a_large_config_is_costly_to_read_and_more_so_to_judge() -> None:
    assert click_ms(predict(MANY, keypoint(1, 1))) > ON_LOOP_MS
    assert images_ms(predict(MANY)) > ON_LOOP_MS
    middling = CONFIG.format('<Label value="Object"/>' * 300)
    assert click_ms(predict(middling, keypoint(1, 1))) < ON_LOOP_MS < warnings_ms(middling)
    assert warnings_ms(capture("setup")["schema"]) < ON_LOOP_MS


def test_many_tasks_are_costly_to_look_through() -> None:
    few, many = (
        read_predict(encoded({"tasks": [{"id": 1}] * count, "label_config": CONFIG.format("")}))
        for count in (50, 2000)
    )
    assert images_ms(few) < ON_LOOP_MS < images_ms(many)
    assert images_ms(PredictBody(many.tasks)) < ON_LOOP_MS


def test_a_real_annotation_is_cheap_and_one_of_thousands_of_regions_is_not() -> None:
    few = encoded(capture("webhook_annotation_created")["annotation"])
    assert stored_ms(few, FEW) < ON_LOOP_MS
    assert stored_ms(b'{"id":1,"result":[' + b",".join([b'{"value":{}}'] * 5000) + b"]}", None) > 100
