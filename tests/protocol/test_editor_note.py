"""What annotators read in the editor when a click got no mask."""

from __future__ import annotations

import json
from typing import Any

import pytest
from label_studio_sdk.label_interface import LabelInterface

from protocol import config_template
from protocol.bodies.predict import PredictBody, read_predict
from protocol.config_template import Layout
from protocol.config_warnings import warnings
from protocol.editor_note import editor_note
from protocol.label_config import parse
from testing.label_studio_requests import predict_body
from values.one_line import SENTENCE_LIMIT

Json = Any
CONFIG = config_template.build(["Object"], Layout(explains=True))


def body(config: str | None = CONFIG, **item: Json) -> PredictBody:
    asked = predict_body() | {"label_config": config}
    asked["params"]["context"]["result"][-1].update(item)
    return read_predict(json.dumps(asked).encode())


def test_words_are_a_result_of_the_line_which_label_studio_takes() -> None:
    [note] = editor_note(body(), "no mask: because")
    assert note["value"] == {"text": ["no mask: because"]}
    assert (note["from_name"], note["to_name"], note["type"]) == ("model_says", "image", "textarea")
    assert LabelInterface(CONFIG).validate_prediction({"result": [note]}, return_errors=True) == []
    assert editor_note(body(), "x")[0]["id"] != note["id"]
    assert warnings(parse(CONFIG)) == []


def test_no_words_take_older_ones_away() -> None:
    [note] = editor_note(body(), "")
    assert note["value"] == {"text": []}


def test_words_are_one_line_and_bounded() -> None:
    [note] = editor_note(body(), "a\n" * 10_000)
    [words] = note["value"]["text"]
    assert len(words) <= SENTENCE_LIMIT
    assert words.isprintable()


@pytest.mark.parametrize(
    "config", [None, "", "<View", config_template.build(["Object"]), CONFIG.replace("model_says", "note")]
)
def test_a_project_without_the_line_is_told_nothing(config: str | None) -> None:
    assert editor_note(body(config), "why") == []


def test_an_opened_task_is_told_nothing() -> None:
    opened = predict_body(context=None) | {"label_config": CONFIG}
    assert editor_note(read_predict(json.dumps(opened).encode()), "why") == []


def test_of_several_pictures_it_is_on_the_one_that_was_clicked() -> None:
    line = '<TextArea name="model_says" toName="a,b"/>'
    config = f'<View><Image name="a" value="$a"/><Image name="b" value="$b"/>{line}</View>'
    for to_name, shown in (("b", "b"), ("elsewhere", "a"), (3, "a")):
        assert [note["to_name"] for note in editor_note(body(config, to_name=to_name), "why")] == [shown]
