from __future__ import annotations

import pytest

from protocol.config_warnings import warnings
from protocol.controls import OUTPUT_ORDER, Label, Output
from protocol.label_config import Image, parse
from tests.protocol.support import capture
from values.errors import BadLabelConfig

IMAGE = '<Image name="image" value="$image"/>'


def control(tag: str, name: str, *labels: str, attributes: str = 'toName="image"') -> str:
    inside = "".join(f'<Label value="{label}"/>' for label in labels)
    return f'<{tag} name="{name}" {attributes}>{inside}</{tag}>'


def view(*parts: str) -> str:
    return f"<View>{''.join(parts)}</View>"


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


@pytest.mark.parametrize(
    ("xml", "sentence"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
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


@pytest.mark.parametrize("tag", OUTPUT_ORDER)
def test_every_tag_takes_a_mask(tag: str) -> None:
    labels = control("Labels", "labels", "Cat")
    config = parse(view(IMAGE, control(tag, "out", "Cat"), labels, control("KeyPoint", "kp")))
    output = config.output_for("image", "Cat", frozenset({"kp"}))
    assert output is not None
    assert (output.tag, output.from_name, output.labels) == (tag, "out", ("Cat",))
    assert output.labels_from == (None if tag.endswith("Labels") else "labels")


def test_tags_are_preferred_in_the_order_asked_for() -> None:
    config = parse(
        view(
            IMAGE, control("RectangleLabels", "r"), control("PolygonLabels", "p"), control("BrushLabels", "b")
        )
    )

    def chosen(*order: str) -> str | None:
        output = config.output_for("image", None, frozenset(), order)
        return None if output is None else output.from_name

    assert chosen(*OUTPUT_ORDER) == "b"
    assert chosen("PolygonLabels", "BrushLabels") == "p"
    assert chosen("BitmaskLabels") is None


def test_a_prompts_own_control_is_the_last_resort() -> None:
    own = control("RectangleLabels", "own", "A")
    prompts = frozenset({"own"})
    alone = parse(view(IMAGE, own)).output_for("image", "A", prompts)
    assert alone is not None
    assert alone.from_name == "own"
    beside = parse(view(IMAGE, own, control("RectangleLabels", "other"))).output_for("image", "A", prompts)
    assert beside is not None
    assert (beside.from_name, beside.labels) == ("other", ())


def test_among_equals_the_first_that_has_the_label() -> None:
    config = parse(
        view(
            IMAGE,
            control("BrushLabels", "a", "A"),
            control("BrushLabels", "b", "B"),
            control("BrushLabels", "c", "B"),
        )
    )
    outputs = [config.output_for("image", label) for label in ("B", "Z", None)]
    assert [output and (output.from_name, output.labels) for output in outputs] == [
        ("b", ("B",)),
        ("a", ()),
        ("a", ()),
    ]


def test_only_controls_of_the_prompted_image_count() -> None:
    other = '<Image name="second" value="$second"/>'
    config = parse(view(IMAGE, other, control("BrushLabels", "a", attributes='toName="second"')))
    assert config.output_for("image", None) is None
    assert config.output_for("second", None) is not None


@pytest.mark.parametrize(
    ("label", "spelled"),
    [
        ("cat", "cat"),
        ("Cat", "feline"),
        ("feline", "feline"),
        ("FELINE", "feline"),
        ("CAT", "cat"),
        ("dog", "Dog"),
        ("DOG", "Dog"),
        ("cow", None),
        ("", None),
        (None, None),
    ],
)
def test_a_label_is_spelled_as_the_control_spells_it(label: str | None, spelled: str | None) -> None:
    config = parse(
        view(
            IMAGE,
            '<BrushLabels name="b" toName="image"><Label value="Cat" alias="feline"/>'
            '<Label value="cat"/><Label value="Dog"/></BrushLabels>',
        )
    )
    output = config.output_for("image", label)
    assert output is not None
    assert output.labels == ((spelled,) if spelled else ())


def test_dynamic_labels_take_any_label() -> None:
    config = parse(view(IMAGE, control("BrushLabels", "b", attributes='toName="image" value="$labels"')))
    output = config.output_for("image", "Whatever")
    assert output is not None
    assert output.labels == ("Whatever",)


def test_warnings_say_what_is_missing() -> None:
    found = "\n".join(
        warnings(parse(view(IMAGE, control("BrushLabels", "b", attributes='toName="nowhere"'))))
    )
    assert '<BrushLabels name="b"> names no <Image> in toName="nowhere"' in found
    assert "no control takes masks" in found
    assert "no control sends prompts" in found
    found = "\n".join(
        warnings(
            parse(view(IMAGE, control("BrushLabels", "b", "A"), control("KeyPointLabels", "k", "A", "B")))
        )
    )
    assert found.startswith('<KeyPointLabels name="k"> has labels that no output control has (B): ')


def test_a_config_of_many_labels_is_read_in_one_pass() -> None:
    """Searching instead of looking up, or walking each nested control's subtree, would take minutes here."""
    labels = [f"l{i}" for i in range(12_000)]
    nested = "<Labels name='a' toName='image'>" * 100 + "<a>" * 20_000 + "</a>" * 20_000 + "</Labels>" * 100
    prompts = control("KeyPointLabels", "k", *labels[::-1], "unknown")
    config = parse(view(IMAGE, nested, control("BrushLabels", "b", *labels), prompts))
    assert len(config.controls) == 102
    assert "(unknown)" in warnings(config)[0]
