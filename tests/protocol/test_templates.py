"""Each template is a labeling config by which a click gets what it says, for us and for Label Studio."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface

from protocol import config_template, regions
from protocol.bodies.predict import read_predict
from protocol.click import Click, read_click
from protocol.config_template import Asks
from protocol.config_warnings import warnings
from protocol.label_config import parse
from protocol.templates import LAYOUTS, TEMPLATES, Template

EACH = pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))


def nothing_is_drawn(_: Any) -> Any:
    raise AssertionError


def config_of(template: Template) -> str:
    return config_template.build(template.labels, template.layout)


@EACH
def test_label_studio_s_own_parser_takes_it(template: Template) -> None:
    interface = LabelInterface(config_of(template))
    interface.validate()
    assert {control.to_name[0] for control in interface.controls} == {"image"}


@EACH
def test_a_click_or_a_box_gets_a_region_of_the_right_kind(template: Template) -> None:
    config = config_of(template)
    assert warnings(parse(config)) == []
    kinds = {Asks.BOTH: ("point", "box"), Asks.CLICKS: ("point",), Asks.BOXES: ("box",)}
    for control in kinds[template.layout.asks]:
        click = read_click(read_predict(_body(config, control, template.labels[-1])), nothing_is_drawn)
        assert isinstance(click, Click)
        mask = np.zeros((click.height, click.width), np.bool_)
        mask[20:60, 30:70] = True
        [region] = regions.encode(mask, 0.9, click)
        assert region["type"] == f"{template.layout.result}labels"
        assert region["value"][region["type"]] == [template.labels[-1]]
        prediction = {"result": [json.loads(json.dumps(region, default=np.ndarray.tolist))]}
        assert LabelInterface(config).validate_prediction(prediction, return_errors=True) == []


def _body(config: str, control: str, label: str) -> bytes:
    kind = {"point": "keypointlabels", "box": "rectanglelabels"}[control]
    item = {
        "id": "a",
        "type": kind,
        "from_name": control,
        "to_name": "image",
        "original_width": 100,
        "original_height": 80,
        "is_positive": True,
        "value": {"x": 40, "y": 40, "width": 20, "height": 20, kind: [label]},
    }
    body = {
        "tasks": [{"id": 1, "data": {"image": "http://host/a.png"}}],
        "label_config": config,
        "params": {"context": {"result": [item]}},
    }
    return json.dumps(body).encode()


def test_names_are_words_and_no_two_templates_are_alike() -> None:
    assert 5 <= len(TEMPLATES) <= 8
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", name) for name in TEMPLATES)
    assert len({config_of(each) for each in TEMPLATES.values()}) == len(TEMPLATES)
    assert {each.layout for each in TEMPLATES.values()} <= set(LAYOUTS)
