from __future__ import annotations

import pytest

from protocol import config_template
from protocol.config_warnings import warnings
from protocol.label_config import parse
from tests.serve_app.cli.fake_label_studio import OWN


def test_every_label_stands_in_four_controls_and_two_of_them_ask_the_backend() -> None:
    config = config_template.build(["Cat", 'A & <b> "c"', "Ä"])
    read = parse(config)
    assert read.common_labels == ["Cat", 'A & <b> "c"', "Ä"]
    assert read.asks_backend
    assert warnings(read) == []
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
def test_text_that_is_no_plain_xml_is_the_same_as_itself(text: str) -> None:
    assert not config_template.is_empty(text)
    assert config_template.same(text, text)
