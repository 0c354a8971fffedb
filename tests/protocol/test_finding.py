"""Requests to find things: what they ask for, what is left alone, where the masks go."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import numpy as np
import pytest

from protocol.bodies.predict import read_predict
from protocol.click import Click, Nothing
from protocol.drawings import Drawing, Drawn
from protocol.finding import SILENT, Find, asks_to_find, read_find
from protocol.options import ReadOptions
from tests.protocol.support import IMAGE, control, encoded, item, keypoint, predict, rectangle, view
from values.errors import BadPrompt

TEXT = '<TextArea name="find" toName="image" model_score_threshold="0.35"/>'
LABELS = (
    '<BrushLabels name="brush" toName="image"><Label value="Cat" predicted_values="cat, kitten"/>'
    '<Label value="Dog"/><Label value="Vehicle" alias="veh"/></BrushLabels>'
)
EXAMPLES = (
    '<RectangleLabels name="like" toName="image" model_find="true" smart="true">'
    '<Label value="Cat"/><Label value="Dog"/></RectangleLabels>'
)
KINDS = (
    '<KeyPointLabels name="kind" toName="image" model_find="true" smart="true">'
    '<Label value="Cat" predicted_values="cat, kitten"/><Label value="Dog"/></KeyPointLabels>'
)
CONFIG = view(IMAGE, TEXT, LABELS)


def never(drawing: Drawing) -> Drawn:
    raise AssertionError(f"a {drawing.kind} of {drawing.width} x {drawing.height} was decoded")


def text(*words: str, **fields: Any) -> dict[str, Any]:
    """What the editor sends of a text: no size, for it belongs to the whole picture."""
    whole = {"type": "textarea", "from_name": "find", "to_name": "image", "id": "t1", "origin": "manual"}
    return {**whole, "value": {"text": list(words)}, **fields}


def asked(config: str, *given: dict[str, Any], **task: Any) -> Find | Nothing | None:
    body = {
        "tasks": [{"id": 7, "data": {"image": "/data/upload/1/a.png"}, **task}],
        "project": "3.17",
        "label_config": config,
        "params": {"context": {"result": list(given)}},
    }
    raw = encoded(body)
    read = read_predict(raw)
    return read_find(read, raw, never) if asks_to_find(read) else None


def found(config: str, *given: dict[str, Any], **task: Any) -> Find:
    find = asked(config, *given, **task)
    assert isinstance(find, Find), find
    return find


def labels(find: Find) -> list[tuple[str, ...]]:
    return [output.labels for output in find.outputs]


def test_a_text_is_phrases_and_their_labels() -> None:
    find = found(CONFIG, text("kitten, a red CAR", "dog"))
    assert find.phrases == ("kitten", "a red CAR", "dog")
    assert labels(find) == [("Cat",), ("Dog",)], "what is no label's name gets the first one"
    assert find.classes == (0, 0, 1)
    assert {output.from_name for output in find.outputs} == {"brush"}
    assert (find.threshold, find.size, find.image.value) == (0.35, None, "/data/upload/1/a.png")
    assert (find.image.project, find.image.task, find.image.value) == ("3", 7, "/data/upload/1/a.png")


def test_one_text_may_be_no_list_and_its_control_may_have_another_name() -> None:
    assert found(CONFIG, text(value={"text": "veh"})).phrases == ("veh",)
    other = view(IMAGE, '<TextArea name="wanted" toName="image" model_find="TRUE"/>', LABELS)
    find = found(other, text("Vehicle", from_name="wanted"))
    assert (find.phrases, labels(find), find.threshold) == (("Vehicle",), [("veh",)], None)


@pytest.mark.parametrize("words", [(), ("",), (" ", "\n")])
def test_before_anything_is_written_there_is_nothing_to_say(words: tuple[str, ...]) -> None:
    assert asked(CONFIG, text(*words)) == SILENT


@pytest.mark.parametrize("value", [{}, {"text": None}, None])
def test_a_text_without_words_is_none(value: Any) -> None:
    assert asked(CONFIG, text(value=value)) == SILENT


def test_other_requests_are_none() -> None:
    assert asked(CONFIG, keypoint(10, 10)) is None
    assert asked(CONFIG) is None
    assert asked(view(IMAGE, LABELS), text("cat")) is None
    assert asked(view(IMAGE, LABELS, '<TextArea name="caption" toName="image"/>'), text("a cat")) is None
    both = view(IMAGE, TEXT, '<TextArea name="caption" toName="image"/>', LABELS)
    assert asked(both, text("a cat", from_name="caption")) is None
    assert asked(view(IMAGE, LABELS, EXAMPLES), keypoint(10, 10)) is None
    assert asked(view(IMAGE, LABELS, KINDS), keypoint(10, 10, from_name="kind", is_positive=False)) is None
    no_config = predict(CONFIG, text("cat"))
    assert not asks_to_find(msgspec.structs.replace(no_config, label_config=None))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([f"thing {number}" for number in range(10_000)], "characters is no list of things to find"),
        (["a" * 3_000_000], "characters is no list of things to find"),
        (["a" * 201], "has 201 characters, and 200 are the most"),
        (["\n".join(f"t{number}" for number in range(65))], "65 phrases are asked for at once"),
        ([","], "nothing says what to find"),
    ],
)
def test_what_is_no_list_of_phrases_is_refused_in_a_sentence(words: list[str], sentence: str) -> None:
    started = time.perf_counter()
    with pytest.raises(BadPrompt, match=sentence):
        asked(CONFIG, text(*words))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("value", [{"text": 7}, {"text": {"a": 1}}, {"text": [1]}, {"text": [None]}])
def test_a_text_of_another_kind_is_refused(value: Any) -> None:
    with pytest.raises(BadPrompt, match="the text of find: expected"):
        asked(CONFIG, text(value=value))


def test_what_is_drawn_already_is_left_alone_and_its_label_goes_on() -> None:
    drawn = [
        {**rectangle(10, 20, 30, 40), "id": "a"},
        {
            **item("polygonlabels", {"points": [[50, 50], [60, 50], [60, 90]], "polygonlabels": ["Dog"]}),
            "id": "b",
        },
        {**item("brushlabels", {"rle": "damaged", "brushlabels": ["Cat"]}), "id": "c"},
        {**rectangle(0, 0, 5, 5), "id": "d", "to_name": "another"},
        text("lynx"),
    ]
    find = found(CONFIG, text("lynx"), drafts=[{"id": 4, "result": drawn}, {"id": 3, "result": []}])
    assert np.allclose(find.regions, [(0.1, 0.2, 0.4, 0.6), (0.5, 0.5, 0.6, 0.9)])
    assert labels(find) == [("Dog",)]


def test_of_one_annotation_it_is_known_that_it_is_open_and_of_two_it_is_not() -> None:
    stored = {"id": 9, "result": [{**rectangle(10, 20, 30, 40), "id": "a"}]}
    assert len(found(CONFIG, text("cat"), annotations=[stored]).regions) == 1
    assert len(found(CONFIG, text("cat"), annotations=[stored, {**stored, "id": 8}]).regions) == 0
    assert len(found(CONFIG, text("cat"), annotations=[{**stored, "was_cancelled": True}]).regions) == 0


@pytest.mark.parametrize("drafts", [None, 7, "x", [1], [{"id": -1}], [{"result": 3}], {}])
def test_drafts_of_another_kind_are_none(drafts: Any) -> None:
    assert len(found(CONFIG, text("cat"), drafts=drafts).regions) == 0


def test_examples_are_all_boxes_of_the_request_and_no_regions() -> None:
    config = view(IMAGE, LABELS, EXAMPLES)
    one, two = (
        {**rectangle(10 * n, 10, 20, 20, rectanglelabels=["Dog"]), "from_name": "like", "id": f"p{n}"}
        for n in (1, 5)
    )
    no = {**rectangle(80, 80, 10, 10, rectanglelabels=["Dog"]), "from_name": "like", "id": "n"}
    no["is_positive"] = False
    kept = {**rectangle(60, 60, 10, 10), "id": "kept"}
    find = found(config, one, two, no, drafts=[{"id": 1, "result": [one, kept]}])
    assert np.allclose(find.examples, [(0.1, 0.1, 0.3, 0.3), (0.5, 0.1, 0.7, 0.3)])
    assert np.allclose(find.negatives, [(0.8, 0.8, 0.9, 0.9)])
    assert np.allclose(find.regions, [(0.6, 0.6, 0.7, 0.7)])
    assert (find.phrases, find.classes, labels(find), find.size) == ((), (), [("Dog",)], (200, 100))
    assert find.outputs[0].from_name == "brush"


def test_a_click_asks_for_the_things_of_its_label() -> None:
    config = view(IMAGE, LABELS, KINDS)

    def click(**labels: list[str]) -> dict[str, Any]:
        return item("keypointlabels", {"x": 1, "y": 1, "width": 1, **labels}, from_name="kind")

    cat = click(keypointlabels=["Cat"])
    find = found(config, cat)
    assert (find.phrases, find.classes, labels(find)) == (("cat", "kitten"), (0, 0), [("Cat",)])
    assert found(config, click(keypointlabels=["Dog"])).phrases == ("Dog",)
    with pytest.raises(BadPrompt, match="choose a label first"):
        asked(config, click())


def test_a_config_without_a_place_for_masks_is_said() -> None:
    nothing = asked(view(IMAGE, TEXT), text("cat"))
    assert isinstance(nothing, Nothing)
    assert "takes a mask" in nothing.reason
    nowhere = asked(view(IMAGE, '<TextArea name="find" toName="x"/>', LABELS), text("cat", to_name="x"))
    assert isinstance(nowhere, Nothing)
    assert "names no <Image>" in nowhere.reason


def test_the_boxes_become_prompts_on_the_picture_that_the_browser_shows() -> None:
    find = found(CONFIG, text("kitten", "dog"))
    boxes = np.array([(0.1, 0.1, 0.2, 0.2), (0.3, 0.3, 0.5, 0.5)], np.float32)
    click = find.click(boxes, np.array([1, 0]), (640, 480))
    assert isinstance(click, Click)
    assert (click.width, click.height, [each.labels for each in click.outputs]) == (
        640,
        480,
        [("Dog",), ("Cat",)],
    )
    assert np.allclose([each.box for each in click.prompts if each.box is not None], boxes)
    assert find.click(boxes[:0], np.array([], np.intp), (640, 480)) is None
    assert '"kitten", "dog"' in find.nothing


def test_repeaters_make_the_control_of_an_example() -> None:
    pages = '<Repeater on="$pages"><Image name="p{{idx}}" value="$pages[{{idx}}]"/>' + (
        control("BrushLabels", "b{{idx}}", "Cat", attributes='toName="p{{idx}}"')
        + control("RectangleLabels", "r{{idx}}", "Cat", attributes='toName="p{{idx}}" model_find="true"')
        + "</Repeater>"
    )
    box = {**rectangle(10, 10, 20, 20, rectanglelabels=["Cat"]), "from_name": "r1", "to_name": "p1"}
    find = found(view(pages), box, data={"pages": ["/a.png", "/b.png"]})
    assert (find.image.value, find.outputs[0].from_name) == ("/b.png", "b1")


def test_the_setting_decides_which_control_takes_the_masks() -> None:
    both = view(IMAGE, TEXT, LABELS, control("PolygonLabels", "polygon", "Cat"))
    body = {
        "tasks": [{"id": 1, "data": {"image": "/a.png"}}],
        "label_config": both,
        "params": {"context": {"result": [text("cat")]}},
    }
    raw = json.dumps(body).encode()
    find = read_find(read_predict(raw), raw, never, ReadOptions(output_order=("PolygonLabels",)))
    assert isinstance(find, Find)
    assert find.outputs[0].from_name == "polygon"
