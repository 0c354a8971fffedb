from __future__ import annotations

import pytest

from protocol.controls import OUTPUT_ORDER
from protocol.label_config import parse
from tests.protocol.support import IMAGE, control, view


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


@pytest.mark.parametrize("own", ["BrushLabels", "BitmaskLabels", "PolygonLabels"])
@pytest.mark.parametrize("beside", ["RectangleLabels", "Rectangle", "KeyPointLabels"])
def test_a_drawn_prompt_goes_back_where_it_was_drawn(own: str, beside: str) -> None:
    """The output order decides, and the prompt's own control takes part in it."""
    config = parse(view(IMAGE, control(beside, "beside", "A"), control(own, "own", "A")))
    output = config.output_for("image", "A", frozenset({"own"}))
    assert output is not None
    assert (output.tag, output.from_name, output.labels) == (own, "own", ("A",))


@pytest.mark.parametrize(
    ("tags", "order", "chosen"),
    [
        (("RectangleLabels", "BrushLabels"), OUTPUT_ORDER, "BrushLabels"),
        (("RectangleLabels", "PolygonLabels"), OUTPUT_ORDER, "PolygonLabels"),
        (("RectangleLabels", "PolygonLabels"), ("RectangleLabels", "PolygonLabels"), "RectangleLabels"),
        (("RectangleLabels", "KeyPointLabels"), OUTPUT_ORDER, "RectangleLabels"),
        (("RectangleLabels",), OUTPUT_ORDER, "RectangleLabels"),
        (("KeyPointLabels",), OUTPUT_ORDER, None),
    ],
)
def test_the_order_decides_for_a_box(
    tags: tuple[str, ...], order: tuple[str, ...], chosen: str | None
) -> None:
    config = parse(view(IMAGE, *(control(tag, tag, "A") for tag in tags)))
    output = config.output_for("image", "A", frozenset({tags[0]}), order)
    assert (output and output.from_name) == chosen


def test_among_equals_a_prompts_own_control_comes_last() -> None:
    prompts = frozenset({"own"})

    def chosen(*others: str) -> str | None:
        own = control("RectangleLabels", "own", "A")
        output = parse(view(IMAGE, own, *others)).output_for("image", "A", prompts)
        return None if output is None else output.from_name

    assert chosen() == "own"
    assert chosen(control("RectangleLabels", "other", "A")) == "other"
    assert chosen(control("RectangleLabels", "other", "B")) == "own"


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
