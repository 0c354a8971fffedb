from __future__ import annotations

import re

import pytest

from protocol import config_template
from protocol.config_template import Result
from protocol.config_warnings import warnings
from protocol.label_config import parse
from tests.serve_app.cli.fake_label_studio import OWN


@pytest.mark.parametrize(
    ("result", "tag"),
    [
        (Result.BRUSH, "BrushLabels"),
        (Result.POLYGON, "PolygonLabels"),
        (Result.BITMASK, "BitmaskLabels"),
        (Result.RECTANGLE, "RectangleLabels"),
    ],
)
def test_two_controls_ask_the_backend_and_one_takes_what_it_answers(result: Result, tag: str) -> None:
    labels = ["Cat", 'A & <b> "c"', "Ä"]
    config = config_template.build(labels, result)
    read = parse(config)
    assert read.common_labels == labels
    assert [control.tag for control in read.controls if control.asks] == ["KeyPointLabels", "RectangleLabels"]
    assert {control.tag for control in read.controls} == {"KeyPointLabels", "RectangleLabels", tag}
    assert warnings(read) == []
    output = read.output_for("image", "Cat", frozenset({"point"}))
    assert output is not None
    assert (output.tag, output.labels) == (tag, ("Cat",))
    assert config.index("Label ") < config.index("<Image")


def test_what_a_config_was_built_for_is_known_again() -> None:
    for result in Result:
        assert config_template.result_of(config_template.build(["Cat"], result), ["Cat"]) is result
    assert config_template.result_of(OWN, ["Eye"]) is None


@pytest.mark.parametrize(("labels", "zoom"), [(1, ""), (8, ""), (9, "0.85"), (16, "0.85"), (30, "0.72")])
def test_many_labels_are_smaller(labels: int, zoom: str) -> None:
    config = config_template.build([str(number) for number in range(labels)])
    assert re.findall(r"zoom: ([\d.]+)", config) == ([zoom] if zoom else [])
    assert ("maxHeight" in config) == bool(zoom), "so much the smaller is the picture"


def test_the_first_ten_labels_for_clicks_have_a_key_of_their_own() -> None:
    config = config_template.build([str(number) for number in range(30)])
    assert re.findall(r'value="(\d+)"[^/]*hotkey="(\d)"', config) == [
        (str(number), str((number + 1) % 10)) for number in range(10)
    ]


def test_only_a_config_without_anything_is_empty() -> None:
    assert config_template.is_empty("<View></View>")
    assert config_template.is_empty("<View/>")
    assert not config_template.is_empty(OWN)
    assert not config_template.is_empty("no xml")


def test_white_space_and_quoting_make_no_difference() -> None:
    config = config_template.build(["Cat"])
    assert config_template.same(config, config.replace("\n", "").replace('"', "'"))
    assert not config_template.same(config, config_template.build(["Cat", "Dog"]))
    assert not config_template.same(config, "<View")


ENTITY = (
    '<!DOCTYPE v [<!ENTITY e "x">]><View><KeyPointLabels name="p" toName="i" smart="true">'
    '<Label value="&e;"/></KeyPointLabels></View>'
)


@pytest.mark.parametrize("text", ["", "<View", ENTITY])
def test_text_that_is_no_plain_xml_is_the_same_as_itself(text: str) -> None:
    assert not config_template.is_empty(text)
    assert config_template.same(text, text)
