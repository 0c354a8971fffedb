from __future__ import annotations

import pytest

from protocol.config_warnings import warnings
from protocol.label_config import parse
from tests.protocol.support import IMAGE, control, view


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


def test_an_ellipse_takes_masks_where_the_setting_lists_it() -> None:
    config = parse(view(IMAGE, control("EllipseLabels", "e", "A"), control("KeyPointLabels", "k", "A", "B")))
    assert warnings(config)[0].endswith("or list EllipseLabels in the backend's OUTPUT_ORDER")
    [only] = warnings(config, ("BrushLabels", "EllipseLabels"))
    assert only.startswith('<KeyPointLabels name="k"> has labels that no output control has (B)')


@pytest.mark.parametrize(
    ("value", "warns"),
    [("image", True), ("$image", False), ("x$image", False), ("/data/x.png", False), ("data:,", False)],
)
def test_an_image_without_a_variable_is_probably_a_mistake(value: str, warns: bool) -> None:
    prompt = control("KeyPointLabels", "k", "A")
    config = parse(view(f'<Image name="image" value="{value}"/>', prompt, control("BrushLabels", "b", "A")))
    assert [f'shows "{value}" in every task' in sentence for sentence in warnings(config)] == [True] * warns


def test_what_is_inside_a_repeater_is_looked_at_once_as_it_is_written() -> None:
    repeated = '<Image name="p{{idx}}" value="$pages[{{idx}}]"/>' + "".join(
        control(tag, tag + "{{idx}}", "A", attributes='toName="p{{idx}}"')
        for tag in ("BrushLabels", "KeyPointLabels")
    )
    assert warnings(parse(view(f'<Repeater on="$pages">{repeated}</Repeater>'))) == []


def test_labels_are_counted_and_not_looked_for_in_each_control() -> None:
    prompts = [control("KeyPointLabels", f"k{number}", "A", "B") for number in range(3)]
    brush = control("BrushLabels", "b", "a")
    assert [sentence[:25] for sentence in warnings(parse(view(IMAGE, brush, *prompts)))] == [
        f'<KeyPointLabels name="k{number}"' for number in range(3)
    ]
    boxes = [control("RectangleLabels", f"r{number}", "b", "A") for number in range(2)]
    assert warnings(parse(view(IMAGE, brush, *prompts, *boxes))) == []
    twice = [control("RectangleLabels", "same", "only here") for _ in range(2)]
    found = warnings(parse(view(IMAGE, brush, control("KeyPointLabels", "k", "a"), *twice)))
    assert [("only here" in sentence, "same" in sentence) for sentence in found] == [(True, True)] * 2
    some = control("BrushLabels", "any", attributes='toName="image" value="$labels"')
    assert warnings(parse(view(IMAGE, brush, some, *prompts))) == []


def test_names_in_warnings_are_short_and_on_one_line() -> None:
    name = "n&#10;" + "x" * 200
    image, brush = f'<Image name="{name}" value="{name}"/>', f'<Brush name="{name}" toName="{name},a"/>'
    found = warnings(parse(view(image, IMAGE, brush)))
    found += warnings(parse(view(IMAGE, brush.replace(",a", "b"))))
    prompt = f'<KeyPointLabels name="{name}" toName="image"><Label value="{name}"/></KeyPointLabels>'
    found += warnings(parse(view(IMAGE, prompt, control("BrushLabels", "b"))))
    assert all(len(sentence) < 400 and sentence.isprintable() for sentence in found)
    assert sum("n\\nxx" in sentence for sentence in found) == 3


FINDS = view(IMAGE, '<TextArea name="find" toName="image"/>', control("BrushLabels", "b", "A"))


def test_a_text_to_find_things_is_a_prompt_and_wants_a_detector() -> None:
    assert warnings(parse(FINDS)) == []
    [only] = warnings(parse(FINDS), finder=False)
    assert "set FINDER to owlv2_base" in only


def test_what_is_to_be_an_example_has_to_ask_a_backend() -> None:
    wrong = 'toName="image" model_find="true" smart="false"'
    prompt = control("KeyPointLabels", "k", "A")
    brush = control("BrushLabels", "b", "A")
    config = view(IMAGE, brush, prompt, control("RectangleLabels", "r", "A", attributes=wrong))
    [only] = warnings(parse(config))
    assert only.startswith('<RectangleLabels name="r"> has model_find="true" and asks no backend')
