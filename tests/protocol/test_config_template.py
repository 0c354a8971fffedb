from __future__ import annotations

import pytest

from protocol import config_template
from tests.serve_app.cli.fake_label_studio import OWN


def test_every_label_stands_in_four_controls_and_two_of_them_ask_the_backend() -> None:
    config = config_template.build(["Cat", 'A & <b> "c"', "Ä"])
    assert config_template.labels_of(config) == ["Cat", 'A & <b> "c"', "Ä"]
    assert config_template.asks_backend(config)
    for tag in ("BrushLabels", "PolygonLabels", "KeyPointLabels", "RectangleLabels"):
        assert config.count(f"<{tag} ") == 1
    assert config.count('smart="true"') == 2
    assert config.index("BrushLabels") < config.index("PolygonLabels")


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
def test_text_that_is_no_plain_xml_has_no_labels(text: str) -> None:
    assert config_template.labels_of(text) == []
    assert not config_template.asks_backend(text)
    assert config_template.same(text, text)


def test_labels_are_those_that_all_controls_have() -> None:
    config = config_template.build(["Cat", "Dog"]).replace(
        '<Label value="Dog" background="#4363d8" />', "", 1
    )
    assert config_template.labels_of(config) == ["Cat"]
