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
