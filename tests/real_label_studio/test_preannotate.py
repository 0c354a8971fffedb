"""Boxes in the real Label Studio become masks: by the command `preannotate`."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from testing.canary import WATCH
from testing.label_studio_masks import iou, region_mask
from testing.running_app import ROOT, RunningApp, free_port, inherited
from testing.scenes import Scene, scene
from tests.real_label_studio.api import LabelStudioApi
from tests.real_label_studio.boxes import CONFIG, HEIGHT, WIDTH, box, boxes
from tests.real_label_studio.desk import Desk
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.label_studio

Json = Any
TASKS = 30


@dataclass(frozen=True)
class BoxDesk(Desk):
    """A project whose tasks have boxes; ``scenes`` by task."""

    scenes: dict[int, Scene]


@pytest.fixture(scope="module")
def desk(
    label_studio: LabelStudioServer, backend: RunningApp, tmp_path_factory: pytest.TempPathFactory
) -> BoxDesk:
    """Half of the tasks have an annotation with boxes, the others a detector's prediction of them."""
    folder, api = tmp_path_factory.mktemp("scenes"), label_studio.api
    project = api.create_project("boxes", CONFIG)
    known = [scene(seed, WIDTH, HEIGHT) for seed in range(TASKS)]
    paths = [folder / f"{number:02}.png" for number in range(TASKS)]
    for path, each in zip(paths, known, strict=True):
        Image.fromarray(each.rgb).save(path)
    tasks = api.upload(project, *paths)
    for task, each in zip(tasks, known, strict=True):
        if task % 2:
            api.call("POST", f"/api/tasks/{task}/annotations/", json={"result": boxes(each)})
        else:
            made = {"task": task, "model_version": "detector", "score": 0.5, "result": boxes(each)}
            api.call("POST", "/api/predictions/", json=made)
    return BoxDesk(label_studio, backend.url, project, dict(zip(tasks, known, strict=True)))


def test_a_project_of_boxes_becomes_masks_once(desk: BoxDesk) -> None:
    before, count = desk.annotations(desk.scenes), sum(len(each.masks) for each in desk.scenes.values())
    tried = desk.told("--boxes", "--dry-run")
    assert (tried["todo"], tried["boxes"], tried["tried"]) == (TASKS, count, 8)
    assert desk.told("--boxes", "--limit", "7")["stored"] == 7
    told = desk.told("--boxes")
    assert (told["exit"], told["stored"], told["stored_before"], told["failures"]) == (0, 23, 7, [])
    agreements = []
    for task, known in desk.scenes.items():
        [made] = desk.predictions(task, "classical-3")
        assert 0 < made["score"] <= 1
        for region, truth, asked in zip(made["result"], known.masks, boxes(known), strict=True):
            assert (region["type"], region["from_name"]) == ("brushlabels", "mask")
            assert region["value"]["brushlabels"] == asked["value"]["rectanglelabels"]
            agreements.append(iou(region_mask(region), truth))
    assert len(agreements) == count
    assert np.mean(agreements) >= 0.9
    again = desk.told("--boxes")
    assert (again["stored"], again["stored_before"], again["masks"]) == (0, TASKS, 0)
    assert desk.annotations(desk.scenes) == before


def test_what_was_stored_is_replaced_and_deleted_and_nothing_else(desk: BoxDesk) -> None:
    task = min(desk.scenes)
    desk.told("--boxes", "--limit", "1")
    assert desk.told("--boxes", "--overwrite", "--limit", "1")["stored"] == 1
    assert [each["model_version"] for each in desk.predictions(task)].count("classical-3") == 1
    told = desk.told("--delete")
    assert (told["exit"], told["model_version"]) == (0, "classical-3")
    versions = {each["model_version"] for task in desk.scenes for each in desk.predictions(task)}
    assert versions == {"detector"}


def test_everything_in_the_pictures_is_found_without_their_boxes(desk: BoxDesk) -> None:
    desk.told("--delete")
    told = desk.told("--everything", "--points-per-side", "6", "--limit", "1")
    assert (told["exit"], told["stored"], told["failures"]) == (0, 1, [])
    found = {
        task: each
        for task in desk.scenes
        for each in desk.predictions(task)
        if each["model_version"] == "classical-3"
    }
    assert len(found) == 1
    for task, made in found.items():
        assert {region["value"]["brushlabels"][0] for region in made["result"]} == {"Thing"}
        masks = [region_mask(region) for region in made["result"]]
        for truth in desk.scenes[task].masks:
            assert max(iou(mask, truth) for mask in masks) >= 0.9
    desk.told("--delete")


def test_retrieve_predictions_gives_masks_and_an_opened_task_too(desk: BoxDesk) -> None:
    api = desk.studio.api
    desk.told("--delete")
    backend = api.add_backend(desk.project, desk.backend)
    first, second, *others = sorted(desk.scenes)
    opened = f"/api/tasks/{first if first % 2 else second}/"
    try:
        with ThreadPoolExecutor(2) as threads:  # as the browser does
            for answer in [threads.submit(api.call, "GET", opened) for _ in range(2)]:
                answer.result()
        chosen = [first, second, *others[:6]]
        desk.retrieve(chosen)
    finally:
        api.call("DELETE", f"/api/ml/{backend}")
    for task, known in desk.scenes.items():
        made = desk.predictions(task, "classical-3")
        assert len(made) == (task in chosen), task
        for region, truth in zip(made[0]["result"] if made else (), known.masks, strict=bool(made)):
            assert iou(region_mask(region), truth) > 0.5
    assert desk.retrieved() == ["7 of 7 tasks have boxes, 7 have masks in the answer"]
    assert desk.told("--boxes")["stored_before"] == 8


def test_a_picture_that_cannot_be_read_is_named_and_a_label_that_is_unknown(
    desk: Desk, tmp_path: Path
) -> None:
    api = desk.studio.api
    good, broken = tmp_path / "good.png", tmp_path / "broken.png"
    known = scene(1, WIDTH, HEIGHT)
    Image.fromarray(known.rgb).save(good)
    broken.write_bytes(good.read_bytes()[:400])
    project = api.create_project("one is broken", CONFIG)
    tasks = api.upload(project, good, broken)
    unknown = box(known.masks[0], "Fish")
    for task in tasks:
        api.call(
            "POST",
            f"/api/tasks/{task}/annotations/",
            json={"result": [box(known.masks[1], "Thing"), unknown]},
        )
    told = Desk(desk.studio, desk.backend, project).told("--boxes")
    assert (told["exit"], told["masks"], told["stored"]) == (1, 1, 1)
    assert {(each["task"], each["code"]) for each in told["failures"]} == {
        (tasks[0], "bad_prompt"),
        (tasks[1], "bad_prompt"),
        (tasks[1], "image_corrupt"),
    }


def stranger(studio: LabelStudioServer) -> str:
    """A token of somebody who was taken from the organization, for whom Label Studio fails at everything."""
    login = {"email": "stranger@example.com", "password": studio.password}
    with httpx.Client(base_url=studio.url, trust_env=False) as client:
        client.get("/user/signup/")
        signup = {"csrfmiddlewaretoken": client.cookies["csrftoken"], **login}
        assert client.post("/user/signup/", data=signup).status_code == 302
    api = LabelStudioApi(studio.url, login["email"], login["password"])
    token, number = api.personal_access_token(), api.call("GET", "/api/current-user/whoami")["id"]
    api.close()
    studio.api.call("DELETE", f"/api/organizations/1/memberships/{number}/")
    return token


def test_what_makes_no_sense_to_begin_ends_at_once_with_a_sentence(desk: BoxDesk) -> None:
    """Tokens that open nothing here, and a labeling config without a place for masks."""
    done = desk.run("--boxes", token=desk.studio.api.legacy_token())
    assert done.exit_code == 1
    assert "Label Studio answered 401 to the legacy token" in done.stderr
    done = desk.run("--boxes", token=stranger(desk.studio))
    assert done.exit_code == 1
    asked = f"GET /api/projects/{desk.project}/"
    assert done.stderr == f"preannotate: Label Studio failed at {asked}: HTTP 500; its log says why\n"
    classes = (
        '<Image name="image" value="$image"/><Choices name="c" toName="image"><Choice value="a"/></Choices>'
    )
    project = desk.studio.api.create_project("no place for masks", f"<View>{classes}</View>")
    told = json.loads(Desk(desk.studio, desk.backend, project).run("--everything", "--json").stdout)
    assert told["stopped"].startswith(f"the labeling config of project {project} has no control for masks")


@pytest.mark.full
def test_where_no_application_runs_the_command_has_its_own(desk: BoxDesk) -> None:
    port = free_port()
    token = desk.studio.api.personal_access_token()
    asked = f"preannotate --project {desk.project} --boxes --overwrite --limit 2 --json"
    done = subprocess.run(
        [sys.executable, "-m", "serve_app", *asked.split(), "--label-studio-url", desk.studio.url],
        cwd=ROOT,
        env={**inherited(), "PORT": str(port), "MODEL": "classical", "LABEL_STUDIO_API_KEY": token},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    WATCH.look(done.stdout + done.stderr, "what preannotate and its application printed")
    assert f"nothing answers at http://127.0.0.1:{port}" in done.stderr
    assert (done.returncode, json.loads(done.stdout)["stored"]) == (0, 2), done.stderr
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False)
