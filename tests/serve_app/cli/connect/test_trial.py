"""The trial click, against a server that answers as the backend does and a Label Studio in memory."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from PIL import Image

from label_studio.ml_backends import Backend
from label_studio.projects import project_of
from protocol import config_template
from protocol.brush_rle import encode
from protocol.config_template import Result
from serve_app.cli.common_options import CommandError
from serve_app.cli.connect.trial import Trial, label_studio_of, setup_warnings, try_click
from testing.image_files import encoded
from testing.running_app import free_port
from tests.serve_app.cli.fake_backend import refusal
from tests.serve_app.cli.fake_label_studio import LEGACY, FakeLabelStudio
from tests.serve_app.cli.loopback import Reply, serving

SIZE = (40, 30)


@contextmanager
def answering(*replies: Reply) -> Iterator[tuple[Backend, list[dict[str, Any]]]]:
    """A backend that answers so, one request after the other, and the bodies that it was sent."""
    bodies: list[dict[str, Any]] = []
    left = list(replies)

    def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        bodies.append(json.loads(body or b"{}"))
        return left.pop(0)

    with serving(answer) as url:
        yield Backend(url), bodies


def said(body: object) -> Reply:
    return 200, json.dumps(body).encode(), {}


def masked(size: tuple[int, int], pixels: int) -> Reply:
    mask = np.zeros((size[1], size[0]), np.bool_)
    mask.flat[:pixels] = True
    region = {
        "id": "a",
        "type": "brushlabels",
        "from_name": "brush",
        "to_name": "image",
        "original_width": size[0],
        "original_height": size[1],
        "value": {"format": "rle", "rle": encode(mask).tolist(), "brushlabels": ["Cat"]},
    }
    return said({"results": [{"result": [region], "score": 0.9}]})


@pytest.fixture
def studio(fake: FakeLabelStudio) -> FakeLabelStudio:
    """A project with one picture, in a task's own data."""
    fake.add_project("Cats", config_template.build(["Cat", "Dog"]))
    picture = base64.b64encode(encoded(Image.new("RGB", SIZE))).decode()
    fake.tasks = [{"id": 7, "data": {"image": f"data:image/png;base64,{picture}"}}]
    return fake


def click(fake: FakeLabelStudio, backend: Backend) -> Trial | None:
    return try_click(fake.studio(), LEGACY, backend, project_of(fake.studio(), 1))


def test_a_click_in_the_middle_gets_a_mask(studio: FakeLabelStudio) -> None:
    with answering(masked(SIZE, 300)) as (backend, bodies):
        found = click(studio, backend)
    assert found is not None
    assert (found.task, found.size, found.kind, found.area) == (7, SIZE, "brush", 300)
    assert str(found).startswith("task 7, in the middle: a mask of 300 pixels (brush, 25.0 % of 40 x 30) in ")
    [item] = bodies[0]["params"]["context"]["result"]
    assert (item["type"], item["from_name"], item["to_name"]) == ("keypointlabels", "point", "image")
    assert (item["value"]["x"], item["value"]["y"], item["value"]["keypointlabels"]) == (50, 50, ["Cat"])
    assert (item["original_width"], item["original_height"]) == SIZE


def test_a_picture_that_only_the_backend_can_read_is_clicked_on_all_the_same(
    studio: FakeLabelStudio,
) -> None:
    studio.tasks = [{"id": 7, "data": {"image": "http://127.0.0.1:1/a.png"}}]
    with answering(masked((1, 1), 1)) as (backend, bodies):
        found = click(studio, backend)
    assert found is not None
    assert str(found).startswith("task 7: a mask (brush) in ")
    assert bodies[0]["params"]["context"]["result"][0]["original_width"] == 1


def test_a_config_of_boxes_alone_is_tried_with_a_box(studio: FakeLabelStudio) -> None:
    config = studio.projects[0]["label_config"]
    assert config.count('smart="true"') == 2
    studio.projects[0]["label_config"] = config.replace('smart="true"', 'smart="false"', 1)
    with answering(masked(SIZE, 1)) as (backend, bodies):
        click(studio, backend)
    [item] = bodies[0]["params"]["context"]["result"]
    assert item["type"] == "rectanglelabels"
    assert item["value"]["height"] == 50


@pytest.mark.parametrize(
    ("status", "code", "detail"),
    [
        (502, "image_unauthorized", "Label Studio answered 401 to the token"),
        (404, "image_missing", "there is no such picture"),
        (503, "overloaded", "too many clicks are waiting"),
    ],
)
def test_what_the_backend_says_is_passed_on_at_once(
    studio: FakeLabelStudio, status: int, code: str, detail: str
) -> None:
    with (
        answering(refusal(status, code, detail)) as (backend, bodies),
        pytest.raises(CommandError, match=f"the backend refuses a trial of /predict: {detail}"),
    ):
        click(studio, backend)
    assert len(bodies) == 1


def test_an_answer_without_a_mask_is_no_success(studio: FakeLabelStudio) -> None:
    answers: list[object] = [{"results": []}, {"results": [{"result": []}]}, [], {"results": 7}]
    for answer in answers:
        with (
            answering(said(answer)) as (backend, _),
            pytest.raises(CommandError, match="in the middle of task 7 got no mask"),
        ):
            click(studio, backend)


def test_without_an_image_the_backend_says_itself_whether_it_reaches_label_studio() -> None:
    told = {"label_studio": "Label Studio answers and takes the token", "answers": {"label_studio": True}}
    with answering(said(told)) as (backend, _):
        assert label_studio_of(backend) == told["label_studio"]
    with answering(said({"label_studio": "answers", "more": "ask with a password"})) as (backend, _):
        assert label_studio_of(backend) == ""
    refused = {"label_studio": "Label Studio answered 401", "answers": {"label_studio": False}}
    with (
        answering(said(refused)) as (backend, _),
        pytest.raises(CommandError, match="does not read from Label Studio: Label Studio answered 401"),
    ):
        label_studio_of(backend)


def test_a_backend_that_has_gone_is_said(studio: FakeLabelStudio) -> None:
    with pytest.raises(CommandError, match="/predict gave no answer"):
        click(studio, Backend(f"http://127.0.0.1:{free_port()}"))


def test_nothing_is_clicked_on_where_there_is_nothing(studio: FakeLabelStudio) -> None:
    with answering() as (backend, bodies):
        studio.tasks = []
        assert click(studio, backend) is None
        studio.projects[0]["label_config"] = "<View></View>"
        assert click(studio, backend) is None
    assert bodies == []


def test_warnings_of_the_labeling_config_are_those_of_setup(studio: FakeLabelStudio) -> None:
    with answering(said({"model_version": "m", "warnings": ["no control takes masks"]})) as (backend, bodies):
        assert setup_warnings(backend, project_of(studio.studio(), 1)) == ["no control takes masks"]
    assert bodies == [{"project": "1.0", "schema": config_template.build(["Cat", "Dog"], Result.BRUSH)}]
    with answering(said({"model_version": "m"})) as (backend, _):
        assert setup_warnings(backend, project_of(studio.studio(), 1)) == []
