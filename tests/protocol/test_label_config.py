from __future__ import annotations

import pytest

from protocol.config_warnings import warnings
from protocol.config_xml import ATTRIBUTE_LIMIT, TAG_LIMIT
from protocol.controls import Label, Output
from protocol.label_config import Image, parse
from tests.protocol.support import IMAGE, capture, control, view
from values.errors import BadLabelConfig


def test_reads_the_real_config() -> None:
    config = parse(capture("browser_positive")["label_config"])
    assert config.images == (Image("image", "$image"),)
    assert [(c.tag, c.name, c.to_name, c.labels) for c in config.controls] == [
        (tag, name, ("image",), (Label("Object"), Label("Other")))
        for tag, name in (("BrushLabels", "tag"), ("KeyPointLabels", "tag2"), ("RectangleLabels", "tag3"))
    ]
    assert config.output_for("image", "Other", frozenset({"tag2"})) == Output(
        "BrushLabels", "tag", "image", ("Other",)
    )
    assert warnings(config) == []


def test_reads_lists_nesting_and_any_case() -> None:
    config = parse(
        "<View><style/><View><image Name='a' ValueList='$pages'/><Choices name='c' toName='a'>"
        "<Choice value='x'/></Choices><brushlabels name='b' toname='a, other' smart='FALSE'><View>"
        "<Label value='One' alias='1'/><label value='Two'/><Label/></View></brushlabels></View></View>"
    )
    assert config.images == (Image("a", "$pages", is_list=True),)
    (brush,) = config.controls
    assert (brush.tag, brush.to_name, brush.smart) == ("BrushLabels", ("a", "other"), False)
    assert brush.labels == (Label("One", "1"), Label("Two"))


def test_an_empty_view_is_a_config() -> None:
    config = parse("<View></View>")
    assert (config.images, config.controls) == ((), ())
    assert "no <Image" in warnings(config)[0]


def test_a_config_of_many_labels_is_read_in_one_pass() -> None:
    """Searching instead of looking up, or walking each nested control's subtree, would take minutes here."""
    labels = [f"l{i}" for i in range(3000)]
    nested = "<Labels name='a' toName='image'>" * 100 + "<a>" * 3000 + "</a>" * 3000 + "</Labels>" * 100
    prompts = control("KeyPointLabels", "k", *labels[::-1], "unknown")
    config = parse(view(IMAGE, nested, control("BrushLabels", "b", *labels), prompts))
    assert len(config.controls) == 102
    assert "(unknown)" in warnings(config)[0]


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ("<a/>" * (TAG_LIMIT - 1), "<a/>" * TAG_LIMIT),
        ("<a>" * (TAG_LIMIT - 1) + "</a>" * (TAG_LIMIT - 1), "<a>" * TAG_LIMIT + "</a>" * TAG_LIMIT),
        ("<a " + " ".join(f"a{n}=''" for n in range(9999)) + "/>", "<a b='" + "=" * ATTRIBUTE_LIMIT + "'/>"),
    ],
    ids=["tags", "nested tags", "attributes"],
)
def test_a_config_that_takes_long_to_read_is_refused(most: str, more: str) -> None:
    """Of a megabyte there are 240,000 tags: a second, and fifty megabytes."""
    parse(view(most))
    with pytest.raises(BadLabelConfig, match="over 10000 tags, or 40000 attributes; give the project fewer"):
        parse(view(more))


@pytest.mark.parametrize(
    ("xml", "sentence"),
    [
        ("", "is empty"),
        (view(IMAGE, '<Brush name="b" toName="' + "a," * 101 + '"/>'), 'the control "b" has over 100 names'),
        ("  \n", "is empty"),
        (view(IMAGE.replace('name="image"', f'name="{"n" * 301}"')), "over 300 characters"),
        (view(IMAGE, control("BrushLabels", "b", "l" * 301)), 'label "lll.*…" of the labeling config has'),
        (view(IMAGE, control("Brush", "b", attributes=f'toName="{"i" * 301}"')), "over 300 characters"),
        ("<View>", "is not XML"),
        ("\x00", "is not XML"),
        ("<View/>\ud800", "is not XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>', "DTD or entities"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><View/>', "DTD or entities"),
        ("<View>" + " " * 2**20 + "</View>", "over the limit"),
        (view(*(control("Brush", f"b{i}") for i in range(201))), "201 controls"),
    ],
)
def test_refuses_what_is_no_config(xml: str, sentence: str) -> None:
    with pytest.raises(BadLabelConfig, match=sentence):
        parse(xml)


def test_parsing_is_remembered() -> None:
    xml = view(IMAGE)
    assert parse(xml) is parse(xml)


def test_the_common_labels_are_those_that_all_controls_with_labels_have() -> None:
    brush, point = (
        control("BrushLabels", "b", "Cat", "Dog"),
        control("KeyPointLabels", "k", "Dog", "Eye", "Cat"),
    )
    assert parse(view(IMAGE, point, brush)).common_labels == ["Dog", "Cat"]
    assert parse(view(IMAGE, brush, control("Brush", "plain"))).common_labels == ["Cat", "Dog"]
    assert parse(view(IMAGE)).common_labels == []


@pytest.mark.parametrize(
    ("tag", "smart", "asks"),
    [
        ("KeyPointLabels", "", True),
        ("rectangle", 'smart="true"', True),
        ("RectangleLabels", 'smart="FALSE"', False),
        ("BrushLabels", 'smart="true"', False),
    ],
)
def test_a_smart_keypoint_or_rectangle_asks_a_backend(tag: str, smart: str, asks: bool) -> None:
    made = control(tag, "c", attributes=f'toName="image" {smart}')
    assert parse(view(IMAGE, made)).asks_backend is asks


def test_what_finds_things() -> None:
    config = parse(
        view(
            IMAGE,
            '<TextArea name="find" toName="image" model_score_threshold=".4"/>',
            '<TextArea name="other" toName="image"/>',
            '<TextArea name="wanted" toName="image" Model_Find="True" model_score_threshold="7"/>',
            '<RectangleLabels name="r" toName="image" model_find="true" model_score_threshold="0.3">'
            '<Label value="A" predicted_values="cat, ,kitten"/><Label value="B"/></RectangleLabels>',
        )
    )
    assert [(text.name, text.to_name, text.threshold) for text in config.texts] == [
        ("find", ("image",), 0.4),
        ("wanted", ("image",), None),
    ]
    [control] = config.controls
    assert (control.finds, control.threshold) == (True, 0.3)
    assert [label.names for label in control.labels] == [["cat", "kitten"], ["B"]]
    assert config.finds
    assert not parse(view(IMAGE)).finds
