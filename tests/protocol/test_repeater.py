from __future__ import annotations

from typing import Any

import pytest

from protocol.controls import Control, Label
from protocol.label_config import parse
from protocol.repeater import REPEATED_LIMIT, Budget, expanded, images
from tests.protocol.support import EDITOR, task_data
from values.errors import BadLabelConfig

PAGES = (
    '<View><Repeater on="$pages"><Image name="page_{{idx}}" value="$pages[{{idx}}]"/>'
    '<BrushLabels name="brush_{{idx}}" toName="page_{{idx}}">LABELS</BrushLabels></Repeater></View>'
)


def controls(xml: str, data: object) -> tuple[Control, ...]:
    return expanded(parse(xml), task_data(data)).controls


@pytest.mark.parametrize("case", EDITOR["repeaters"], ids=lambda case: case["config"][:60])
def test_tags_are_named_as_the_editor_names_them(case: dict[str, Any]) -> None:
    data = task_data(EDITOR["data"])
    config = expanded(parse(case["config"]), data)
    assert [[image.name, image.value] for image in config.images] == case["images"]
    assert [[control.name, ",".join(control.to_name)] for control in config.controls] == case["controls"]
    assert list(images(parse(case["config"]), data, Budget(1000))) == list(config.images)


def test_a_config_without_repeaters_is_itself() -> None:
    config = parse('<View><Image name="{{idx}}" value="$image"/></View>')
    assert expanded(config, task_data({})) is config


def test_labels_are_shared_unless_a_flag_stands_in_one() -> None:
    plain = controls(PAGES.replace("LABELS", '<Label value="Cat" alias="c"/>'), {"pages": ["a", "b"]})
    assert plain[0].labels is plain[1].labels
    assert plain[1].spelling_of("cat") == "c"
    flagged = controls(PAGES.replace("LABELS", '<Label value="Page {{idx}}"/>'), {"pages": ["a", "b"]})
    assert [control.labels for control in flagged] == [(Label("Page 0"),), (Label("Page 1"),)]
    assert flagged[1].spelling_of("page 1") == "Page 1"


def test_a_control_whose_labels_are_repeated_takes_any_label() -> None:
    labels = '<Repeater on="$names"><Label value="{{idx}}"/></Repeater>'
    xml = f'<View><Image name="i" value="$i"/><BrushLabels name="b" toName="i">{labels}</BrushLabels></View>'
    config = parse(xml)
    assert config.tags == ()
    assert config.controls[0].spelling_of("anything") == "anything"


@pytest.mark.parametrize("pages", [REPEATED_LIMIT // 3, REPEATED_LIMIT // 3 + 1, 90_000])
def test_there_is_an_end_to_repeating(pages: int) -> None:
    data = task_data({"pages": [0] * pages})
    config = parse(PAGES.replace("LABELS", ""))
    if pages <= REPEATED_LIMIT // 3:
        assert len(expanded(config, data).images) == pages
        return
    with pytest.raises(BadLabelConfig, match=r'<Repeater on="\$pages"> makes more than'):
        expanded(config, data)


def test_images_are_made_one_by_one() -> None:
    """Warming takes the first few, however many a task lists."""
    made = images(parse(PAGES), task_data({"pages": [0] * 90_000}), Budget(10_000))
    assert [next(made).name for _ in range(3)] == ["page_0", "page_1", "page_2"]
    with pytest.raises(BadLabelConfig, match="split the task"):
        list(made)


@pytest.mark.parametrize(
    "inside",
    [
        '<Repeater on="$pages"><Repeater on="$pages"><Image name="i" value="$i"/></Repeater></Repeater>',
        f'<Image name="n" value="$i{"n" * 500_000}"/>',
        "<BrushLabels name='b' toName='i'>" + '<Label value="{{idx}}"/>' * 1000 + "</BrushLabels>",
    ],
    ids=["nested", "long", "labels"],
)
def test_what_multiplies_counts(inside: str) -> None:
    config = parse(f'<View><Repeater on="$pages">{inside}</Repeater></View>')
    with pytest.raises(BadLabelConfig, match="makes more than"):
        expanded(config, task_data({"pages": [0] * 100}))


def test_few_repeaters_stand_inside_each_other() -> None:
    def nested(depth: int) -> str:
        tag = (
            '<Repeater on="$a"><View>' * depth + '<Image name="i" value="$i"/>' + "</View></Repeater>" * depth
        )
        return f"<View>{tag}</View>"

    assert len(expanded(parse(nested(8)), task_data({"a": [1]})).images) == 1
    with pytest.raises(BadLabelConfig, match="are nested"):
        parse(nested(9))
