"""The real application through the real Label Studio's API, as its editor and its settings pages use it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from serve_app.cli.main import app
from testing.label_studio_masks import Mask, deepest, iou, keypoint, loose_box, rectangle
from testing.label_studio_requests import predict_body
from testing.running_app import RunningApp
from testing.scenes import scene
from tests.real_label_studio.server import LabelStudioServer
from tests.real_label_studio.studio import GOOD, HEIGHT, KNOWN, SHAPE, WIDTH, Studio, positive
from tests.shared import LOCK

pytestmark = pytest.mark.label_studio

Json = Any


@pytest.fixture(scope="module")
def studio(label_studio: LabelStudioServer, backend_url: str) -> Studio:
    return Studio(label_studio, backend_url)


@pytest.fixture(scope="module")
def task(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> int:
    return studio.upload(tmp_path_factory.mktemp("scene"))


def test_a_click_a_negative_click_and_a_box_answer_with_the_object(studio: Studio, task: int) -> None:
    first, second = KNOWN.masks[:2]
    ground: Mask = ~np.any(KNOWN.masks, axis=0)
    negative = keypoint(deepest(ground), SHAPE, "Object", positive=False)
    assert iou(studio.mask(task, positive(first)), first) > GOOD
    assert iou(studio.mask(task, positive(first), negative), first) > GOOD
    assert iou(studio.mask(task, rectangle(loose_box(second), SHAPE, "Object")), second) > GOOD


def test_the_label_is_the_prompts_and_ids_are_new_each_time(studio: Studio, task: int) -> None:
    prompt = positive(KNOWN.masks[0], "Other")
    regions = [studio.regions(task, prompt)[0] for _ in range(2)]
    assert [region["value"]["brushlabels"] for region in regions] == [["Other"], ["Other"]]
    assert regions[0]["id"] != regions[1]["id"]


def test_deleting_the_last_prompt_takes_the_suggestion_away(studio: Studio, task: int) -> None:
    assert studio.api.click(studio.backend, task, []) == {"data": []}


def test_a_photograph_lying_on_its_side_is_answered_as_it_is_shown(studio: Studio, tmp_path: Path) -> None:
    shown = scene(2, HEIGHT, WIDTH)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be shown turned by a quarter, clockwise
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(shown.rgb)))
    turned.save(tmp_path / "side.jpg", quality=95, exif=exif)
    (task,) = studio.api.upload(studio.project, tmp_path / "side.jpg")
    mask = studio.mask(task, positive(shown.masks[0]))
    assert mask.shape == (WIDTH, HEIGHT)
    assert iou(mask, shown.masks[0]) > GOOD


def test_local_files_are_read_with_a_personal_access_token(studio: Studio) -> None:
    assert iou(studio.mask(studio.task_on_local_files(), positive(KNOWN.masks[0])), KNOWN.masks[0]) > GOOD


def test_opening_a_task_and_retrieving_predictions_store_nothing(studio: Studio, tmp_path: Path) -> None:
    tasks = [studio.upload(tmp_path, f"{number}.png") for number in range(3)]
    before = len(studio.server.log.read_text())
    opened = studio.api.call("GET", f"/api/tasks/{tasks[0]}/", params={"project": studio.project})
    assert opened["predictions"] == []
    query = {"id": "retrieve_tasks_predictions", "project": studio.project}
    selected = {"selectedItems": {"all": False, "included": tasks}}
    done = studio.api.call("POST", "/api/dm/actions", params=query, json=selected)
    assert done["processed_items"] == 3
    by_id = {task["id"]: task for task in studio.api.tasks(studio.project)}
    assert [by_id[task]["total_predictions"] for task in tasks] == [0, 0, 0]
    assert "incorrect response" not in studio.server.log.read_text()[before:]


def test_the_settings_pages_find_a_healthy_backend(studio: Studio, task: int) -> None:
    api, backend = studio.api, f"/api/ml/{studio.backend}"
    (row,) = api.backends(studio.project)
    assert (row["readable_state"], row["error_message"]) == ("Connected", None)
    assert row["model_version"]
    assert row["model_version"] in api.call("GET", f"{backend}/versions")["versions"]
    assert api.call("POST", f"{backend}/predict/test", params={"random": "true"})["status"] == 200
    assert not api.call("POST", f"{backend}/train", json={})


def test_webhooks_and_everything_before_left_no_failure_behind(
    studio: Studio, task: int, backend_url: str
) -> None:
    (region,) = studio.regions(task, positive(KNOWN.masks[0]))
    path = f"/api/tasks/{task}/annotations/"
    annotation = studio.api.call("POST", path, json={"result": [region]})
    studio.api.call("DELETE", f"/api/annotations/{annotation['id']}/")
    report = httpx.get(
        f"{backend_url}/diagnose", params={"project": studio.project}, trust_env=False, timeout=30
    )
    assert report.status_code == 200, report.text
    assert not report.json()["recent_failures"], report.text
    assert "answers and takes the token" in report.json()["label_studio"]


def test_a_click_that_was_submitted_without_its_mask_is_told_until_the_mask_is_there(
    studio: Studio, backend_url: str, tmp_path: Path
) -> None:
    task, prompt = studio.upload(tmp_path, "no tick.png"), positive(KNOWN.masks[0])
    regions = studio.regions(task, prompt)
    path = f"/api/tasks/{task}/annotations/"
    number = studio.api.call("POST", path, json={"result": [prompt]})["id"]
    said, link = (
        '1 click for "Object" was saved without a mask',
        f"/projects/{studio.project}/data?task={task}",
    )

    [told] = _saved_without_mask(studio, backend_url, 1)
    assert (told["task"], told["annotation"], told["said"], told["certain"]) == (task, number, said, True)
    assert told["link"] == f"{studio.api.url}{link}"
    found = _review(studio)
    assert (found["ok"], found["certain"], found["uncertain"]) == (False, 1, 0)
    assert found["findings"] == [
        {"check": "saved-without-mask", "task": task, "annotation": number, "said": said, "certain": True}
        | {"link": f"{studio.api.url}{link}"}
    ]

    studio.api.call("PATCH", f"/api/annotations/{number}/", json={"result": regions})
    assert _saved_without_mask(studio, backend_url, 0) == []
    assert _review(studio)["ok"] is True


def _saved_without_mask(studio: Studio, backend_url: str, count: int) -> list[Json]:
    """What /diagnose has of the project, as soon as these are ``count``: nobody waits for the journal."""
    query, deadline = {"project": studio.project}, time.monotonic() + 30
    while True:
        report = httpx.get(f"{backend_url}/diagnose", params=query, trust_env=False, timeout=30).json()
        told: list[Json] = report["saved_without_mask"].get(str(studio.project), [])
        if len(told) == count or time.monotonic() > deadline:
            return told


def _review(studio: Studio) -> Json:
    """What the command says of the project, as JSON."""
    token = studio.api.personal_access_token()
    options = ["--project", str(studio.project), "--label-studio-url", studio.api.url, "--token", token]
    result = CliRunner().invoke(app, ["review", *options, "--json"])
    assert token not in result.output
    return json.loads(result.stdout)


def test_an_upload_that_is_gone_is_a_missing_image(studio: Studio, task: int, backend_url: str) -> None:
    body = predict_body("/data/upload/1/gone.png")
    answer = httpx.post(f"{backend_url}/predict", json=body, trust_env=False, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (404, "image_missing"), answer.text


def test_a_backend_behind_basic_auth_is_asked_with_its_password(
    label_studio: LabelStudioServer, backend: RunningApp, tmp_path: Path
) -> None:
    url, (user, password) = f"{backend.url}/locked", LOCK
    anonymous = httpx.get(f"{url}/health", trust_env=False, timeout=30)
    assert anonymous.status_code == 401
    locked = {"auth_method": "BASIC_AUTH", "basic_auth_user": user, "basic_auth_pass": password}
    guarded, known = Studio(label_studio, url, **locked), KNOWN.masks[0]
    assert iou(guarded.mask(guarded.upload(tmp_path), positive(known)), known) > GOOD
