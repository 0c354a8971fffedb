"""Masks in the real Label Studio beside the model's: `review --masks`, with scores for the Data Manager."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from protocol import brush_rle
from serve_app.cli.main import app as command_line
from testing.canary import WATCH
from testing.label_studio_masks import Mask
from testing.running_app import RunningApp
from testing.scenes import scene
from tests.real_label_studio.server import LabelStudioServer

pytestmark = pytest.mark.label_studio

Json = Any
WIDTH, HEIGHT = 320, 240
TASKS = 4
SLIPPED = 2
SCORES = "classical-3-second-look"
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<BrushLabels name="mask" toName="image"><Label value="Thing"/></BrushLabels></View>'
)


def brush(mask: Mask, number: int) -> Json:
    """A mask as Label Studio stores it."""
    return {
        "id": f"thing-{number}",
        "from_name": "mask",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": brush_rle.encode(mask).tolist(), "brushlabels": ["Thing"]},
    }


@dataclass(frozen=True)
class Desk:
    """A project whose tasks have exact masks, and one that slipped; ``tasks``: their ids, in order."""

    studio: LabelStudioServer
    app: RunningApp
    project: int
    tasks: list[int]

    def told(self, command: str, *arguments: str) -> Json:
        """What an operator's program reads."""
        words = [command, "--project", str(self.project), "--json", *arguments]
        words += ["--label-studio-url", self.studio.url, "--backend", self.app.url]
        env = {"LABEL_STUDIO_API_KEY": self.studio.api.personal_access_token()}
        done = CliRunner().invoke(command_line, words, env=env)
        WATCH.look(done.stdout + done.stderr, f"what {command} printed")
        return json.loads(done.stdout) | {"exit": done.exit_code}

    def predictions(self) -> list[Json]:
        found: list[Json] = []
        for task in self.tasks:
            found += self.studio.api.call("GET", "/api/predictions/", params={"task": task})
        return found


@pytest.fixture(scope="module")
def desk(
    label_studio: LabelStudioServer, backend: RunningApp, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
    """A task for each scene."""
    folder, api = tmp_path_factory.mktemp("scenes"), label_studio.api
    project = api.create_project("second look", CONFIG)
    known = [scene(seed, WIDTH, HEIGHT) for seed in range(TASKS)]
    paths = [folder / f"{number:02}.png" for number in range(TASKS)]
    for path, each in zip(paths, known, strict=True):
        Image.fromarray(each.rgb).save(path)
    tasks = [*api.upload(project, *paths)]
    for number, (task, each) in enumerate(zip(tasks, known, strict=True)):
        masks = [*each.masks]
        if number == SLIPPED:
            masks[0] = masks[0] | np.roll(masks[0], WIDTH // 2, axis=1)
        result = [brush(mask, count) for count, mask in enumerate(masks)]
        api.call("POST", f"/api/tasks/{task}/annotations/", json={"result": result})
    return Desk(label_studio, backend, project, tasks)


def test_the_mask_that_slipped_comes_first_and_its_task_has_the_least_score(desk: Desk) -> None:
    told = desk.told("review", "--masks")
    assert (told["exit"], told["tasks"], told["failures"]) == (0, TASKS, [])
    worst = told["worst"][0]
    assert (worst["task"], worst["region"], worst["label"]) == (desk.tasks[SLIPPED], "thing-0", "Thing")
    assert worst["iou"] < 0.6 < told["mean_iou"]
    assert desk.predictions() == []
    for _ in range(2):
        assert desk.told("review", "--masks", "--store-scores")["stored"] == TASKS
    stored = desk.predictions()
    assert [each["task"] for each in stored] == desk.tasks
    assert {(each["model_version"], len(each["result"])) for each in stored} == {(SCORES, 0)}
    least = {each["task"]: each["score"] for each in stored}
    assert least[desk.tasks[SLIPPED]] == pytest.approx(worst["iou"])
