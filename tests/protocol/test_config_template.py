from __future__ import annotations

import re

import pytest

from protocol import config_template
from protocol.config_template import Asks, Layout, Result, layout_of
from protocol.config_warnings import warnings
from protocol.label_config import parse
from protocol.templates import LAYOUTS
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


@pytest.mark.slow
def test_what_a_config_was_built_for_is_known_again() -> None:
    for layout in LAYOUTS:
        assert layout_of(config_template.build(["Cat"], layout), ["Cat"], LAYOUTS) == layout
    assert layout_of(OWN, ["Eye"], LAYOUTS) is None
    assert config_template.build(["Cat"], Result.POLYGON) == config_template.build(
        ["Cat"], Layout(Result.POLYGON)
    )


@pytest.mark.parametrize(
    ("layout", "tags"),
    [
        (Layout(Result.BRUSH, Asks.BOXES), ["RectangleLabels", "BrushLabels"]),
        (Layout(Result.BRUSH, Asks.CLICKS), ["KeyPointLabels", "BrushLabels"]),
        (Layout(Result.RECTANGLE, Asks.CLICKS), ["KeyPointLabels", "RectangleLabels"]),
        (Layout(Result.RECTANGLE, Asks.BOXES), ["RectangleLabels"]),
    ],
)
def test_what_does_not_ask_has_no_column(layout: Layout, tags: list[str]) -> None:
    config = config_template.build(["Cat"], layout)
    read = parse(config)
    assert [control.tag for control in read.controls] == tags
    assert [control.asks for control in read.controls] == [True, *[False] * (len(tags) - 1)]
    assert warnings(read) == []
    assert re.findall('hotkey="1"', config) == ['hotkey="1"']


def test_what_is_asked_about_the_whole_picture_is_no_control_of_the_models() -> None:
    config = config_template.build(["Cat"], Layout(verdicts=("Good", "Bad"), note=True))
    assert re.findall('<Choice value="([^"]*)"', config) == ["Good", "Bad"]
    assert "<TextArea" in config
    assert parse(config) == parse(config_template.build(["Cat"]))


@pytest.mark.parametrize(("labels", "zoom"), [(1, ""), (8, ""), (9, "0.85"), (16, "0.85"), (30, "0.72")])
def test_many_labels_are_smaller(labels: int, zoom: str) -> None:
    config = config_template.build([str(number) for number in range(labels)])
    row = config.partition("</Style>")[2]
    assert re.findall(r"zoom: ([\d.]+)", row) == ([zoom] if zoom else [])
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
