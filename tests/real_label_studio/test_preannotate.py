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
from typer.testing import CliRunner, Result

from serve_app.cli.main import app as command_line
from testing.canary import WATCH
from testing.label_studio_masks import Mask, iou, region_mask
from testing.running_app import ROOT, RunningApp, free_port, inherited
from testing.scenes import Scene, scene
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.label_studio

Json = Any
WIDTH, HEIGHT = 320, 240
TASKS = 30
LABELS = '<Label value="Thing"/><Label value="Other"/>'
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<RectangleLabels name="box" toName="image">{LABELS}</RectangleLabels>'
    f'<BrushLabels name="mask" toName="image">{LABELS}</BrushLabels></View>'
)


def boxes(known: Scene) -> list[Json]:
    """A box around each thing of a scene, as an annotator draws it."""
    return [box(mask, ("Thing", "Other")[number % 2]) for number, mask in enumerate(known.masks)]


def box(mask: Mask, label: str) -> Json:
    """The box of a mask, as Label Studio stores it."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = columns[0] / WIDTH * 100, rows[0] / HEIGHT * 100
    width, height = (columns[-1] + 1) / WIDTH * 100 - x, (rows[-1] + 1) / HEIGHT * 100 - y
    return {
        "id": f"box-{label}-{columns[0]}-{rows[0]}",
        "from_name": "box",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": {
            "x": x,
            "y": y,
            "width": width,
            "height": height,
            "rotation": 0,
            "rectanglelabels": [label],
        },
    }


@dataclass(frozen=True)
class Desk:
    """A project of a Label Studio whose tasks have boxes, and the application; ``scenes`` by task."""

    studio: LabelStudioServer
    app: RunningApp
    project: int
    scenes: dict[int, Scene]

    def run(self, *arguments: str) -> Result:
        """What an operator runs. No output of it may have a secret in it."""
        command = ["preannotate", "--project", str(self.project), *arguments]
        command += ["--label-studio-url", self.studio.url, "--backend", self.app.url]
        env = {"LABEL_STUDIO_API_KEY": self.studio.api.personal_access_token()}
        done = CliRunner().invoke(command_line, command, env=env)
        WATCH.look(done.stdout + done.stderr, "what preannotate printed")
        return done

    def told(self, *arguments: str) -> Json:
        done = self.run("--json", *arguments)
        assert done.stderr == ""
        return json.loads(done.stdout) | {"exit": done.exit_code}

    def predictions(self, task: int) -> list[Json]:
        found: list[Json] = self.studio.api.call("GET", "/api/predictions/", params={"task": task})
        return found

    def annotations(self) -> list[Json]:
        """What people made, without how long ago that was."""
        return [
            each | {"created_ago": None}
            for task in sorted(self.scenes)
            for each in self.studio.api.call("GET", f"/api/tasks/{task}/annotations/")
        ]


@pytest.fixture(scope="module")
def desk(
    label_studio: LabelStudioServer, backend: RunningApp, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
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
    return Desk(label_studio, backend, project, dict(zip(tasks, known, strict=True)))


def test_a_project_of_boxes_becomes_masks_once(desk: Desk) -> None:
    before, count = desk.annotations(), sum(len(each.masks) for each in desk.scenes.values())
    tried = desk.told("--boxes", "--dry-run")
    assert (tried["todo"], tried["boxes"], tried["tried"]) == (TASKS, count, 8)
    assert desk.told("--boxes", "--limit", "7")["stored"] == 7
    told = desk.told("--boxes")
    assert (told["exit"], told["stored"], told["stored_before"], told["failures"]) == (0, 23, 7, [])
    agreements = []
    for task, known in desk.scenes.items():
        [made] = [each for each in desk.predictions(task) if each["model_version"] == "classical-3"]
        assert 0 < made["score"] <= 1
        for region, truth, asked in zip(made["result"], known.masks, boxes(known), strict=True):
            assert (region["type"], region["from_name"]) == ("brushlabels", "mask")
            assert region["value"]["brushlabels"] == asked["value"]["rectanglelabels"]
            agreements.append(iou(region_mask(region), truth))
    assert len(agreements) == count
    assert np.mean(agreements) >= 0.9
    again = desk.told("--boxes")
    assert (again["stored"], again["stored_before"], again["masks"]) == (0, TASKS, 0)
    assert desk.annotations() == before


def test_what_was_stored_is_replaced_and_deleted_and_nothing_else(desk: Desk) -> None:
    task = min(desk.scenes)
    desk.told("--boxes", "--limit", "1")
    assert desk.told("--boxes", "--overwrite", "--limit", "1")["stored"] == 1
    assert [each["model_version"] for each in desk.predictions(task)].count("classical-3") == 1
    told = desk.told("--delete")
    assert (told["exit"], told["model_version"]) == (0, "classical-3")
    versions = {each["model_version"] for task in desk.scenes for each in desk.predictions(task)}
    assert versions == {"detector"}


def test_everything_in_the_pictures_is_found_without_their_boxes(desk: Desk) -> None:
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


def test_retrieve_predictions_gives_masks_and_an_opened_task_too(desk: Desk) -> None:
    api = desk.studio.api
    desk.told("--delete")
    backend = api.add_backend(desk.project, desk.app.url)
    first, second, *others = sorted(desk.scenes)
    opened = f"/api/tasks/{first if first % 2 else second}/"
    try:
        with ThreadPoolExecutor(2) as threads:  # as the browser does
            for answer in [threads.submit(api.call, "GET", opened) for _ in range(2)]:
                answer.result()
        chosen: Json = {"selectedItems": {"all": False, "included": [first, second, *others[:6]]}}
        query = {"id": "retrieve_tasks_predictions", "project": desk.project}
        api.call("POST", "/api/dm/actions", params=query, json={"project": desk.project, **chosen})
    finally:
        api.call("DELETE", f"/api/ml/{backend}")
    for task, known in desk.scenes.items():
        made = [each for each in desk.predictions(task) if each["model_version"] == "classical-3"]
        assert len(made) == (task in chosen["selectedItems"]["included"]), task
        for region, truth in zip(made[0]["result"] if made else (), known.masks, strict=bool(made)):
            assert iou(region_mask(region), truth) > 0.5
    report = httpx.get(f"{desk.app.url}/diagnose", params={"project": desk.project}).json()
    said = [each["said"] for each in report["retrieved_predictions"][str(desk.project)]]
    assert said == ["7 of 7 tasks have boxes, 7 have masks in the answer"]
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
    told = Desk(desk.studio, desk.app, project, {}).told("--boxes")
    assert (told["exit"], told["masks"], told["stored"]) == (1, 1, 1)
    assert {(each["task"], each["code"]) for each in told["failures"]} == {
        (tasks[0], "bad_prompt"),
        (tasks[1], "bad_prompt"),
        (tasks[1], "image_corrupt"),
    }


@pytest.mark.full
def test_where_no_application_runs_the_command_has_its_own(desk: Desk) -> None:
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
